"""Words that people put on their pictures."""

import unicodedata
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User

MAX_TAG_LENGTH = 50


def folded(name: str) -> str:
    """What two spellings of one word have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()


class Tag(models.Model):
    """A word of one person, in the spelling of its first use."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags", editable=False
    )
    name = models.CharField(_("name"), max_length=MAX_TAG_LENGTH)
    # Folding can lengthen: one letter may become three.
    folded = models.CharField(max_length=3 * MAX_TAG_LENGTH, editable=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["folded"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "folded"], name="tag_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        self.folded = folded(self.name)
        super().save(**options)
