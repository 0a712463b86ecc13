"""Pictures that belong together and are worked on when nobody waits for something else."""

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User


class BatchQuerySet(models.QuerySet["Batch"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()


class Batch(models.Model):
    """A named set of one person's pictures; deleting it leaves the pictures.

    `expected` is how many pictures will come, if that was said: then the batch is done once so many
    have ended. Otherwise it is done whenever nothing of it is under way. `announced` is how many
    had ended when that was last told, so that it is told once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="batches", editable=False
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    expected = models.PositiveIntegerField(_("pictures expected"), null=True, blank=True)
    announced = models.PositiveIntegerField(_("announced"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["owner", "-created_at", "-id"], name="batch_owner_newest")]

    def __str__(self) -> str:
        return self.name or f"{self.created_at:%Y-%m-%d %H:%M}"
