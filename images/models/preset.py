"""Rendition parameters that people gave a name."""

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .tag import folded

if TYPE_CHECKING:
    from accounts.models import User

MAX_PRESET_NAME = 50


class PresetQuerySet(models.QuerySet["Preset"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()


class Preset(models.Model):
    """`spec` are rendition parameters as a query string, each as a RenderSpec writes it: also those
    that change nothing beside the others, like white behind a JPEG.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="presets", editable=False
    )
    name = models.CharField(_("name"), max_length=MAX_PRESET_NAME)
    folded = models.CharField(max_length=3 * MAX_PRESET_NAME, editable=False)
    spec = models.CharField(_("parameters"), max_length=500)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = PresetQuerySet.as_manager()

    class Meta:
        verbose_name = _("preset")
        verbose_name_plural = _("presets")
        ordering = ["folded"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "folded"], name="preset_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        self.folded = folded(self.name)
        super().save(**options)
