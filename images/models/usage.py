"""Counters of what a person uses: exact, since every change is one conditional UPDATE."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Usage(models.Model):
    """What a person keeps here, the trash included."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="usage",
        editable=False,
        verbose_name=_("owner"),
    )
    images = models.PositiveIntegerField(_("pictures"), default=0, editable=False)
    bytes = models.PositiveBigIntegerField(_("bytes of originals"), default=0, editable=False)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return str(self.owner_id)


class MonthlyUsage(models.Model):
    """Cutouts a person asked for in one month; those that failed are given back."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="monthly_usage", editable=False
    )
    month = models.DateField(_("month"), editable=False)
    cutouts = models.PositiveIntegerField(_("cutouts"), default=0, editable=False)

    class Meta:
        verbose_name = _("usage by month")
        verbose_name_plural = _("usage by month")
        constraints = [
            models.UniqueConstraint(fields=["owner", "month"], name="usage_once_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
