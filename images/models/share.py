"""Public addresses of single outputs."""

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .cutout import Cutout

if TYPE_CHECKING:
    from accounts.models import User


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(cutout__in=Cutout.objects.visible_to(user))

    def usable(self) -> Self:
        """Neither revoked nor expired, of somebody active, of a picture outside the trash."""
        return self.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()),
            revoked_at=None,
            owner__is_active=True,
            cutout__image__deleted_at=None,
        )


class ShareLink(models.Model):
    """Whoever has the address sees one output of a cutout. Only the hash of its secret is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cutout = models.ForeignKey(Cutout, models.CASCADE, related_name="links", editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    spec = models.CharField(_("parameters"), max_length=500, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("share link")
        verbose_name_plural = _("share links")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["cutout", "-created_at"], name="link_cutout_newest"),
            models.Index(fields=["expires_at"], name="link_expiry"),
        ]

    def __str__(self) -> str:
        return self.spec
