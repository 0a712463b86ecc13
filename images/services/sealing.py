"""Secrets that must be read again: a copy of the database alone shall be worth nothing.

They are sealed with a key made of SECRET_KEY for this one purpose; what was sealed with one of
SECRET_KEY_FALLBACKS still opens.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"clearcut: secrets of webhooks"


class Unsealable(Exception):
    """It was sealed with another SECRET_KEY than any that the settings name."""


def seal(text: str) -> str:
    return (
        _fernet(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).encrypt(text.encode()).decode()
    )


def unseal(sealed: str) -> str:
    """Raises Unsealable."""
    try:
        opened = _fernet(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).decrypt(sealed)
    except (InvalidToken, ValueError) as error:
        raise Unsealable from error
    return opened.decode()


@lru_cache
def _fernet(*keys: str) -> MultiFernet:
    """Seals with the first key; opens with any."""
    derived = (HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(key.encode()) for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])
