"""People."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LAST_SEEN_GRANULARITY = timedelta(hours=12)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the login, compared without regard to case."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch off instead of deleting an account.")
    )
    is_staff = models.BooleanField(
        _("administrator"), default=False, help_text=_("May enter the admin site.")
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    last_seen_at = models.DateTimeField(
        _("last seen"), default=timezone.now, editable=False, help_text=_("To within half a day.")
    )
    # Asked to be forgotten: signed out at once, and everything goes at the next sweep.
    deletion_requested_at = models.DateTimeField(
        _("asked to be deleted"), null=True, editable=False
    )
    deletion_warned_at = models.DateTimeField(
        _("warned of being deleted"), null=True, editable=False
    )
    keep_api_results = models.BooleanField(
        _("keep pictures of compatible programs"),
        default=True,
        help_text=_("Pictures that come through /v1.0, /api/remove and /remove-bg are kept."),
    )
    keep_improvements = models.BooleanField(
        _("keep pictures reported as badly cut out"),
        default=False,
        help_text=_("What programs send to /v1.0/improve is kept only with this."),
    )
    max_images = models.PositiveIntegerField(
        _("pictures at most"), null=True, blank=True, help_text=_("Empty means no limit.")
    )
    max_bytes = models.PositiveBigIntegerField(
        _("bytes of originals at most"), null=True, blank=True, help_text=_("Empty means no limit.")
    )
    max_cutouts_per_month = models.PositiveIntegerField(
        _("cutouts a month at most"), null=True, blank=True, help_text=_("Empty means no limit.")
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message=_("An account with this e-mail address exists already."),
            )
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def touch(self) -> None:
        """Note that the person is there, at most twice a day: looking must not write rows."""
        now = timezone.now()
        if now - self.last_seen_at >= LAST_SEEN_GRANULARITY:
            type(self).objects.filter(pk=self.pk).update(last_seen_at=now, deletion_warned_at=None)
