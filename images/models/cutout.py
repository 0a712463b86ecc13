"""One extraction of a picture's subject by one engine."""

import uuid
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from processing.engines.catalog import ENGINES

from .image import Image, folder_of
from .leased import LeasedRow, Status

if TYPE_CHECKING:
    from accounts.models import User


def cutout_path(cutout: "Cutout", filename: str) -> str:
    """The file name carries the attempt, so no two meet in one file."""
    return f"{folder_of('cutouts', cutout.pk)}/{filename}"


class CutoutQuerySet(models.QuerySet["Cutout"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(image__in=Image.objects.visible_to(user))

    def kept(self) -> Self:
        return self.filter(image__deleted_at=None)

    def pending(self) -> Self:
        return self.filter(status__in=(Status.QUEUED, Status.RUNNING))


class Cutout(LeasedRow):
    """A matte and what belongs to it; see LeasedRow for the states. DONE implies a matte."""

    class Kind(models.TextChoices):
        EXTRACTED = "extracted", _("extracted")
        EDITED = "edited", _("edited")

    class Rating(models.TextChoices):
        UP = "up", _("good")
        DOWN = "down", _("bad")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, models.CASCADE, related_name="cutouts", editable=False)
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.EXTRACTED, editable=False
    )
    # What an edited cutout was painted on, and the matte as a person sent it: the worker reads it.
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+", editable=False)
    sent_matte = models.FileField(
        _("matte as sent"), upload_to=cutout_path, max_length=200, blank=True, editable=False
    )
    engine = models.CharField(_("engine"), max_length=50, editable=False)
    extract_spec = models.CharField(_("extraction parameters"), max_length=500, editable=False)
    matte = models.FileField(
        _("matte"), upload_to=cutout_path, max_length=200, blank=True, editable=False
    )
    edges = models.FileField(
        _("edge colours"), upload_to=cutout_path, max_length=200, blank=True, editable=False
    )
    bbox = models.JSONField(_("bounding box"), null=True, editable=False)
    coverage = models.FloatField(_("coverage"), null=True, editable=False)
    confidence = models.FloatField(_("confidence"), null=True, editable=False)
    needs_look = models.BooleanField(_("needs a look"), default=False, editable=False)
    # What became of the edges, as processing.edges says it in a word; blank where nothing did.
    refinement = models.CharField(_("edges"), max_length=40, blank=True, editable=False)
    # The engine whose matte it is, where the one that was asked for may ask others.
    answered_by = models.CharField(_("answered by"), max_length=50, blank=True, editable=False)
    timings = models.JSONField(_("milliseconds per stage"), default=dict, editable=False)
    # The subject on transparent ground, kept in place of an original that had to go.
    result = models.FileField(
        _("result"), upload_to=cutout_path, max_length=200, blank=True, editable=False
    )
    export_due = models.BooleanField(_("waits to be exported"), default=False, editable=False)
    rating = models.CharField(
        _("people's verdict"), max_length=4, choices=Rating, blank=True, editable=False
    )
    rating_reason = models.CharField(_("reason"), max_length=500, blank=True, editable=False)
    rated_at = models.DateTimeField(_("judged"), null=True, editable=False)

    objects = CutoutQuerySet.as_manager()

    # Only for engines that have left the catalog.
    deadline_seconds: ClassVar[float] = 20

    class Meta:
        verbose_name = _("cutout")
        verbose_name_plural = _("cutouts")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["image", "-created_at"], name="cutout_image_newest"),
            models.Index(fields=["status", "lane", "queued_at"], name="cutout_queue"),
            models.Index(fields=["owner", "started_at"], name="cutout_owner_turn"),
            models.Index(fields=["owner", "status"], name="cutout_owner_status"),
            models.Index(fields=["finished_at"], name="cutout_finished"),
            models.Index(fields=["-created_at", "-id"], name="cutout_newest"),
            models.Index(fields=["error_code", "-finished_at"], name="cutout_errors"),
            models.Index(
                fields=["finished_at"], condition=models.Q(export_due=True), name="cutout_export"
            ),
            models.Index(
                fields=["owner", "-created_at"],
                condition=models.Q(needs_look=True),
                name="cutout_needs_look",
            ),
            models.Index(
                fields=["rated_at"],
                condition=models.Q(rated_at__isnull=False),
                name="cutout_ratings",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status=Status.DONE) | ~models.Q(matte=""),
                name="cutout_done_has_matte",
            )
        ]

    def __str__(self) -> str:
        return f"{self.engine}, {self.get_status_display()}"

    @property
    def folders(self) -> list[str]:
        """All that the storage keeps of this row, results of interrupted work included."""
        return [folder_of(kind, self.pk) for kind in ("cutouts", "renditions")]

    def deadline(self) -> float:
        info = ENGINES.get(self.engine)
        return info.deadline_seconds if info else self.deadline_seconds
