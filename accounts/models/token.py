"""API tokens: keys for programs that act for a person."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .user import User

TOKEN_PREFIX = "cc_"  # noqa: S105 - lets scanners and people recognise a key, is no secret
LAST_USED_GRANULARITY = timedelta(minutes=1)


def hash_key(key: str) -> str:
    """What is stored of a key: 256 random bits, so their plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> Self:
        """Neither revoked nor expired, and of an active user."""
        return self.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()),
            revoked_at=None,
            user__is_active=True,
        )

    def issue(
        self, *, user: User, name: str, expires_at: datetime | None = None
    ) -> tuple["ApiToken", str]:
        """Make a token; returns it with the key, which is shown now and never again."""
        key = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            user=user,
            name=name,
            prefix=key[: ApiToken.PREFIX_LENGTH],
            key_hash=hash_key(key),
            expires_at=expires_at,
        )
        return token, key

    def find(self, key: str) -> "ApiToken | None":
        return self.usable().filter(key_hash=hash_key(key)).select_related("user").first()


class ApiToken(models.Model):
    """A named key for programs. Only its hash is stored; the prefix lets its owner recognise it."""

    PREFIX_LENGTH = 8

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("begins with"), max_length=PREFIX_LENGTH, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def touch(self) -> None:
        """Note the use, at most once a minute: a busy program must not write a row per request."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= LAST_USED_GRANULARITY:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
