"""How allauth behaves here."""

import logging
import time
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import Signup, User
from accounts.services.site import site_of

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return site_of(request).signup == Signup.OPEN

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The form has looked whether the address is free, but a second click may be quicker."""
        try:
            with transaction.atomic():
                return super().save_user(request, user, form, commit)
        except IntegrityError as error:
            messages.info(request, _("This account was made a moment ago. Sign in to it."))
            raise ImmediateHttpResponse(redirect("account_login")) from error

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        """Who has just made an account has just typed its password."""
        if kwargs["signup"]:
            record_authentication(request, user, "signup")
        return super().post_login(request, user, **kwargs)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """An address may have got an account of its own since the link was sent."""
        try:
            with transaction.atomic():
                return super().confirm_email(request, email_address)
        except IntegrityError:
            messages.error(request, _("This address belongs to another account."))
            return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not from who has only just signed in."""
        records = get_authentication_records(context.request, context.request.user)
        latest = max((record["at"] for record in records), default=0.0)
        is_fresh = time.time() - latest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        return not is_fresh and super().is_reauthentication_required(app=app, **kwargs)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """In our words: a passkey may be a key, a phone or a finger."""
        ways = super().get_reauthentication_methods(user)
        for way in ways:
            if way["id"] == "mfa_reauthenticate:webauthn":
                way["description"] = _("Use a passkey")
        return ways

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whom limits on attempts count. Never what a client says of itself.

        Where fewer proxies have spoken than TRUSTED_PROXY_COUNT, the nearest counts.
        """
        try:
            return super().get_client_ip(request)
        except (ImproperlyConfigured, PermissionDenied):
            return request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 - a Unix socket

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By account alone: allauth adds the Host header, which the client chooses."""
        return str(credentials.get("email", "")).lower()

    def send_account_already_exists_mail(self, email: str) -> None:
        """As slow as making an account is, so that nobody can tell by the time it takes."""
        User().set_password(email)
        super().send_account_already_exists_mail(email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server out of order is told to the log: pages must not show who has an account."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            logger.exception("a mail could not be sent: %s", template_prefix)
