"""Pictures of people's own to put behind a subject."""

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .image import folder_of

if TYPE_CHECKING:
    from accounts.models import User


def backdrop_path(backdrop: "Backdrop", filename: str) -> str:
    return f"{folder_of('backdrops', backdrop.pk)}/{filename}"


class BackdropQuerySet(models.QuerySet["Backdrop"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()


class Backdrop(models.Model):
    """A background picture as it was sent. Specs name it by its content, never by this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="backdrops", editable=False
    )
    name = models.CharField(_("name"), max_length=255)
    file = models.FileField(_("file"), upload_to=backdrop_path, max_length=200, editable=False)
    content_type = models.CharField(_("content type"), max_length=50, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    byte_size = models.PositiveBigIntegerField(_("size in bytes"), editable=False)
    sha256 = models.CharField(_("SHA-256"), max_length=64, editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)

    objects = BackdropQuerySet.as_manager()

    class Meta:
        verbose_name = _("backdrop")
        verbose_name_plural = _("backdrops")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "sha256"], name="backdrop_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def folders(self) -> list[str]:
        """All that the storage keeps of this row."""
        return [folder_of("backdrops", self.pk)]
