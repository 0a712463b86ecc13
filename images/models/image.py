"""A person's picture, as it was sent."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .leased import Status

if TYPE_CHECKING:
    from accounts.models import User


# What a trash held that was emptied: nobody sees it any more, and the sweep deletes it.
EMPTIED = datetime(1970, 1, 1, tzinfo=UTC)


def folder_of(kind: str, pk: uuid.UUID) -> str:
    """Where the files of one row lie, and nobody else's: it goes when the row goes."""
    return f"{kind}/{pk.hex[:2]}/{pk}"


def original_path(image: "Image", filename: str) -> str:
    """By identifier; the person's file name is data and never becomes a path."""
    return f"{folder_of('originals', image.pk)}/{filename}"


def preview_path(image: "Image", filename: str) -> str:
    return f"{folder_of('previews', image.pk)}/{filename}"


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """The one place that knows who may see what: today, its owner alone."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(owner=user).exclude(deleted_at=EMPTIED)

    def kept(self) -> Self:
        """What lists show."""
        return self.filter(deleted_at=None, expires_at=None)

    def in_trash(self) -> Self:
        return self.filter(deleted_at__gt=EMPTIED)

    def with_cutouts(self) -> Self:
        """What lists show, without a query per row."""
        return self.select_related("current_cutout", "latest_cutout")

    def in_status(self, status: str) -> Self:
        """By what people see: work under way first, then a cutout to show, then the failure."""
        if status == Status.DONE:
            under_way = models.Q(latest_cutout__status__in=(Status.QUEUED, Status.RUNNING))
            return self.exclude(current_cutout=None).exclude(under_way)
        if status == Status.FAILED:
            return self.filter(current_cutout=None, latest_cutout__status=status)
        return self.filter(latest_cutout__status=status)

    def search(self, text: str) -> Self:
        return self.filter(
            models.Q(title__icontains=text) | models.Q(original_name__icontains=text)
        )


class Image(models.Model):
    """One uploaded picture. `original` holds the bytes as sent; nothing ever rewrites them.

    `current_cutout` is the newest finished cutout, so a later failed run never hides a good one;
    `latest_cutout` is the newest of all, whatever became of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="images", editable=False
    )
    original = models.FileField(_("original"), upload_to=original_path, max_length=200)
    original_name = models.CharField(_("file name"), max_length=255)
    title = models.CharField(_("title"), max_length=255, blank=True)
    content_type = models.CharField(_("content type"), max_length=50, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    byte_size = models.PositiveBigIntegerField(_("size in bytes"), editable=False)
    sha256 = models.CharField(_("SHA-256"), max_length=64, editable=False)
    favourite = models.BooleanField(_("favourite"), default=False)
    tags = models.ManyToManyField(
        "images.Tag", verbose_name=_("tags"), related_name="images", blank=True
    )
    batch = models.ForeignKey(
        "images.Batch", models.SET_NULL, null=True, related_name="images", editable=False
    )
    preview = models.FileField(
        _("preview"), upload_to=preview_path, max_length=200, blank=True, editable=False
    )
    current_cutout = models.ForeignKey(
        "images.Cutout", models.SET_NULL, null=True, related_name="+", editable=False
    )
    latest_cutout = models.ForeignKey(
        "images.Cutout", models.SET_NULL, null=True, related_name="+", editable=False
    )
    # Retention took the original; cutouts keep what they need to be rendered.
    original_deleted_at = models.DateTimeField(_("original deleted"), null=True, editable=False)
    # Sent by a program that keeps nothing here: no list shows it, and it goes at this time.
    expires_at = models.DateTimeField(_("goes at"), null=True, editable=False)
    deleted_at = models.DateTimeField(_("moved to the trash"), null=True, editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="image_owner_newest"),
            models.Index(fields=["deleted_at"], name="image_trash"),
            models.Index(fields=["created_at"], name="image_created"),
            models.Index(fields=["owner", "sha256"], name="image_owner_bytes"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="image_expiry",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(width__gt=0, height__gt=0), name="image_has_pixels"
            )
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.title or self.original_name

    @property
    def folders(self) -> list[str]:
        """All that the storage keeps of this row, results of interrupted work included."""
        return [folder_of(kind, self.pk) for kind in ("originals", "previews")]

    @property
    def shown_cutout(self) -> "Cutout | None":
        """The newest finished cutout, or the newest while none is finished."""
        return self.current_cutout or self.latest_cutout


if TYPE_CHECKING:
    from .cutout import Cutout
