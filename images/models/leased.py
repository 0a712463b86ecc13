"""Rows that are work: whoever holds the lease does it."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class Lane(models.TextChoices):
    INTERACTIVE = "interactive", _("interactive")
    BATCH = "batch", _("batch")


def eligible_at(now: datetime) -> Q:
    """Work that may be claimed at `now`: waiting with its time come, or held by nobody alive."""
    return Q(status=Status.QUEUED, not_before__lte=now) | Q(
        status=Status.RUNNING, lease_until__lt=now
    )


class LeasedRow(models.Model):
    """Work with a state, done by whoever holds its lease::

        QUEUED --claim--> RUNNING --finish--> DONE
          ^                  |
          |                  +--fail--------> FAILED --retry--> QUEUED
          +--back off, lease ran out, worker known dead

    `claims` counts how often the row was taken up and names the attempt: finishing says which
    claim it finishes, so that a worker that was given up for dead changes nothing any more.
    `failures` counts attempts that ended in an error that may pass.
    """

    status = models.CharField(
        _("state"), max_length=10, choices=Status, default=Status.QUEUED, editable=False
    )
    lane = models.CharField(
        _("lane"), max_length=12, choices=Lane, default=Lane.INTERACTIVE, editable=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    claims = models.PositiveSmallIntegerField(_("claims"), default=0, editable=False)
    failures = models.PositiveSmallIntegerField(_("failed attempts"), default=0, editable=False)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now, editable=False)
    not_before = models.DateTimeField(_("not before"), default=timezone.now, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, editable=False)
    worker = models.CharField(_("worker"), max_length=200, blank=True, editable=False)
    error_code = models.CharField(_("error"), max_length=50, blank=True, editable=False)
    error_message = models.TextField(_("error message"), blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    # How long one run may take, in seconds; a subclass may know better per row.
    deadline_seconds: ClassVar[float] = 60
    # An operator who kills workers is not the row's fault, so lost workers get more patience
    # than errors; but what kills its worker may not do so for ever.
    max_failures: ClassVar[int] = 3
    max_claims: ClassVar[int] = 8
    # False where a process looks for such rows by itself.
    wakes_workers: ClassVar[bool] = True

    class Meta:
        abstract = True

    def deadline(self) -> float:
        """Seconds that one run of this row may take before it is given up."""
        return self.deadline_seconds

    @property
    def is_pending(self) -> bool:
        return self.status in (Status.QUEUED, Status.RUNNING)

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from the start of the last run to its end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)
