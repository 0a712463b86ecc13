"""A stored output: one cutout rendered by one spec. A cache, which may be emptied at any time."""

import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .cutout import Cutout
from .image import folder_of

LAST_USED_GRANULARITY = timedelta(hours=1)


def rendition_path(rendition: "Rendition", filename: str) -> str:
    return f"{folder_of('renditions', rendition.cutout_id)}/{filename}"


class Rendition(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cutout = models.ForeignKey(Cutout, models.CASCADE, related_name="renditions")
    spec = models.CharField(_("parameters"), max_length=500)
    file = models.FileField(_("file"), upload_to=rendition_path, max_length=200)
    content_type = models.CharField(_("content type"), max_length=50)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    byte_size = models.PositiveBigIntegerField(_("size in bytes"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), default=timezone.now)

    class Meta:
        verbose_name = _("rendition")
        verbose_name_plural = _("renditions")
        constraints = [
            models.UniqueConstraint(fields=["cutout", "spec"], name="rendition_unique_spec")
        ]
        indexes = [models.Index(fields=["last_used_at"], name="rendition_oldest_use")]

    def __str__(self) -> str:
        return self.spec

    def touch(self) -> None:
        """Note the use, at most hourly: looking at pictures must not write rows."""
        now = timezone.now()
        if now - self.last_used_at >= LAST_USED_GRANULARITY:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)
