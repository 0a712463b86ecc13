"""Worker processes, as they report themselves: so that web processes know of them."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class WorkerProcess(models.Model):
    """One process that runs work. It says every few seconds that it lives; the sweep forgets it."""

    id = models.CharField(_("name"), primary_key=True, max_length=200, editable=False)
    host = models.CharField(_("host"), max_length=150, editable=False)
    pid = models.PositiveIntegerField(_("process"), editable=False)
    warm = models.BooleanField(_("has its engine loaded"), default=False, editable=False)
    problem = models.TextField(_("why not"), blank=True, editable=False)
    started_at = models.DateTimeField(_("started"), default=timezone.now, editable=False)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("worker process")
        verbose_name_plural = _("worker processes")
        ordering = ["started_at"]

    def __str__(self) -> str:
        return f"{self.host}, {self.pid}"
