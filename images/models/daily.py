"""Totals of past days, which outlive the pictures they were counted from."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DailyTotal(models.Model):
    """One day, counted once it was over."""

    day = models.DateField(_("day"), primary_key=True, editable=False)
    images = models.PositiveIntegerField(_("uploaded pictures"), default=0, editable=False)
    bytes = models.PositiveBigIntegerField(_("uploaded bytes"), default=0, editable=False)
    people = models.PositiveIntegerField(_("people who uploaded"), default=0, editable=False)
    done = models.PositiveIntegerField(_("finished cutouts"), default=0, editable=False)
    failed = models.PositiveIntegerField(_("failed cutouts"), default=0, editable=False)
    median_ms = models.PositiveIntegerField(_("median milliseconds"), null=True, editable=False)

    class Meta:
        verbose_name = _("total of a day")
        verbose_name_plural = _("totals per day")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
