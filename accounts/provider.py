"""Signing in at a company's own provider (OpenID Connect)."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.addresses import is_taken


def is_configured() -> bool:
    return bool(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"])


def explain(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    """The page of a sign-in that went wrong."""
    template = "socialaccount/authentication_error.html"
    return render(request, template, {"problem": problem}, status=status)


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Accounts are told apart by the provider's own identifier; addresses need its word."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuses somebody new without a verified address, or with the address of another."""
        if sociallogin.account.uid in {"", "None"}:
            raise ImmediateHttpResponse(explain(request, _nobody(), 401))
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        addresses = _verified_addresses(sociallogin)
        if not addresses:
            raise ImmediateHttpResponse(explain(request, _no_address(), 403))
        if is_taken(addresses[0]):
            raise ImmediateHttpResponse(explain(request, _taken(), 409))
        # Others may have put it down as theirs, but have not shown that it is.
        EmailAddress.objects.filter(email__iexact=addresses[0], verified=False).delete()

    def is_email_verified(self, provider: Any, email: str) -> bool:
        return bool(settings.OIDC_TRUST_EMAIL)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """The account whose own, verified address this is, where the provider is trusted.

        An address that nobody has verified here may have been put down by somebody else, to lie in
        wait for its owner.
        """
        addresses = _verified_addresses(sociallogin)
        if not settings.OIDC_TRUST_EMAIL:
            return None
        for email in addresses:
            own = EmailAddress.objects.filter(email__iexact=email, verified=True, primary=True)
            if address := own.select_related("user").first():
                return address.user, address.email
        return None

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return settings.OIDC_SIGNUP or get_account_adapter(request).is_open_for_signup(request)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        """Of what the provider tells, name and address are taken over, and nothing else is kept."""
        sociallogin.account.extra_data = {}
        user = super().populate_user(request, sociallogin, data)
        assert isinstance(user, User)
        user.name = str(data.get("name") or "")[: User._meta.get_field("name").max_length]
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        try:
            with transaction.atomic():
                return super().save_user(request, sociallogin, form)
        except IntegrityError as error:
            raise ImmediateHttpResponse(explain(request, _taken(), 409)) from error


def _verified_addresses(sociallogin: SocialLogin) -> list[str]:
    """Some providers write "true" and "false"; the latter would count as true."""
    for address in sociallogin.email_addresses:
        address.verified = str(address.verified).lower() == "true"
    return [address.email for address in sociallogin.email_addresses if address.verified]


def _nobody() -> str:
    return _("%(name)s does not say who you are.") % {"name": settings.OIDC_NAME}


def _no_address() -> str:
    return _(
        "%(name)s does not say that your e-mail address is verified, so no account can be made "
        "with it. Ask whoever runs this installation."
    ) % {"name": settings.OIDC_NAME}


def _taken() -> str:
    return _(
        "There is an account with your e-mail address already. Sign in to it with its password, "
        "then connect %(name)s on your account page."
    ) % {"name": settings.OIDC_NAME}
