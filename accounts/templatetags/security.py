"""What pages show of the safety of an account."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django import template
from django.conf import settings
from django.db.models import Count

from accounts import devices, passkeys, provider
from accounts.models import User

register = template.Library()
register.filter("device", devices.describe)


@register.simple_tag(takes_context=True)
def passkey_problem(context: dict[str, Any]) -> str:
    """Why there can be no passkeys at this address; empty where there can."""
    return passkeys.passkey_problem(context["request"])


@register.simple_tag
def mail_server() -> bool:
    return bool(settings.HAS_MAIL_SERVER)


@register.simple_tag
def sign_in_provider() -> str:
    """The name of the company's provider; empty where there is none."""
    return str(settings.OIDC_NAME) if provider.is_configured() else ""


@register.simple_tag
def security_state(user: User) -> dict[str, Any]:
    kinds = dict(
        Authenticator.objects.filter(user=user)
        .values_list("type")
        .annotate(Count("pk"))
        .order_by("type")
    )
    return {
        "app": bool(kinds.get(Authenticator.Type.TOTP)),
        "passkeys": kinds.get(Authenticator.Type.WEBAUTHN, 0),
        "codes": bool(kinds.get(Authenticator.Type.RECOVERY_CODES)),
        "is_connected": provider.is_configured()
        and SocialAccount.objects.filter(user=user).exists(),
    }
