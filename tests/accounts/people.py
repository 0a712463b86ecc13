"""People with and without second factors, and how they sign in."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.device import Device

PASSWORD = "correct horse battery"


def post_password(client: Client, user: User, password: str = PASSWORD, **options: Any) -> Any:
    form = {"login": user.email, "password": password}
    return client.post(reverse("account_login"), form, **options)


def sign_in(user: User, **headers: str) -> Client:
    """By the form, as people do: only then it is known how they did it."""
    client = Client(headers=headers)
    response = post_password(client, user)
    assert response.status_code == 302, response.content
    return client


def with_totp(user: User) -> str:
    """The secret of an app, with recovery codes as they come with the first factor."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def code_of(secret: str) -> str:
    """What the app shows now."""
    (counter,) = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, counter))


def recovery_codes(user: User) -> list[str]:
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    return list(RecoveryCodes(row).get_unused_codes())


def send_code(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("web:workspace")).status_code == 200


def with_passkey(user: User, name: str = "Phone") -> Authenticator:
    """One that nobody holds; those that can sign are in tests/accounts/device.py."""
    return Device().row_for(user, name)
