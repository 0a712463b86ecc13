"""Requests with a key of the client's own, so that sending them again is harmless."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdempotentRequest(models.Model):
    """`fingerprint` tells whether a repeat is one. Without `status_code` it is being answered."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    key = models.CharField(_("key"), max_length=255, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    status_code = models.PositiveSmallIntegerField(_("answer"), null=True, editable=False)
    body = models.JSONField(_("body"), null=True, editable=False)
    location = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        indexes = [models.Index(fields=["created_at"], name="idempotent_age")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="idempotent_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.key
