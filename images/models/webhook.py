"""Addresses of other programs that want to hear of what happens here, and what they were told."""

import uuid
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .leased import LeasedRow

if TYPE_CHECKING:
    from accounts.models import User


class WebhookEvent(models.TextChoices):
    CUTOUT_DONE = "cutout.done", _("a cutout is done")
    CUTOUT_FAILED = "cutout.failed", _("a cutout has failed")
    BATCH_DONE = "batch.done", _("a batch is done")
    TEST = "webhook.test", _("a test")


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()


class WebhookEndpoint(models.Model):
    """`secret` signs what is sent, sealed with SECRET_KEY. `events`: which; empty for all.

    `site` is where the addresses in messages begin: the origin under which this was set up.
    `failing_since` is the first failure after the last success; `disabled_at` is when it was given
    up, or switched off.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks", editable=False
    )
    url = models.URLField(_("address"), max_length=2000)
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = models.JSONField(_("events"), default=list, blank=True)
    secret = models.TextField(_("secret"), editable=False)
    site = models.CharField(_("origin of addresses"), max_length=300, blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    disabled_at = models.DateTimeField(_("switched off"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        """The host alone: the path of such an address is often its password."""
        return urlsplit(self.url).netloc


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(endpoint__in=WebhookEndpoint.objects.visible_to(user))


class WebhookDelivery(LeasedRow):
    """One message to one endpoint; its identifier stays the same however often it is sent.

    `payload` is the exact text that is signed and sent. `attempts` holds what came of each try:
    {"at", "status", "error", "ms"}, the last twenty.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", editable=False
    )
    event = models.CharField(_("event"), max_length=30, choices=WebhookEvent, editable=False)
    payload = models.TextField(_("message"), editable=False)
    attempts = models.JSONField(_("attempts"), default=list, editable=False)
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True, editable=False)

    objects = WebhookDeliveryQuerySet.as_manager()

    deadline_seconds: ClassVar[float] = 60
    # 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 7 h, 9 h after one another: a day in all.
    max_failures: ClassVar[int] = 8
    max_claims: ClassVar[int] = 20
    wakes_workers: ClassVar[bool] = False

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["endpoint", "-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["status", "lane", "queued_at"], name="delivery_queue"),
            models.Index(fields=["owner", "started_at"], name="delivery_owner_turn"),
            models.Index(fields=["finished_at"], name="delivery_finished"),
            models.Index(fields=["-created_at", "-id"], name="delivery_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.event}, {self.get_status_display()}"
