"""Second factors: how their secrets are kept, and what passkeys are told about this place."""

import base64
from functools import lru_cache
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User

PURPOSE = b"clearcut: secrets of second factors"


class UnreadableSecret(ValidationError):
    """It was sealed with another SECRET_KEY than any that the settings name."""

    silent_variable_failure = True  # a template shows nothing rather than ending the page

    def __init__(self) -> None:
        super().__init__(
            _(
                "Your second factor cannot be read any more, because the key of this server was "
                "changed. An administrator can remove it."
            ),
            code="unreadable_secret",
        )


@lru_cache
def _fernet(*keys: str) -> MultiFernet:
    """Seals with the first key; opens with any."""
    derived = (HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(key.encode()) for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


def _seal() -> MultiFernet:
    return _fernet(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


class MFAAdapter(DefaultMFAAdapter):
    """A copy of the database alone is worth nothing: secrets are sealed with SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _seal().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecret from error

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        host = context.request.get_host().partition(":")[0]
        return {"id": host, "name": settings.MFA_TOTP_ISSUER}

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 - as allauth calls it
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}


def second_factors(user: User | OuterRef) -> QuerySet[Authenticator]:
    """What is asked for beside the password; recovery codes alone are none."""
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return Authenticator.objects.filter(user=user, type__in=kinds)
