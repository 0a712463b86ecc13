"""Signatures as the specification Standard Webhooks describes them, in its symmetric form."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def message_id(delivery_id: UUID) -> str:
    """The same however often the message is sent, so that whoever gets it twice can tell."""
    return f"msg_{delivery_id.hex}"


def signed_headers(*, secret: str, delivery_id: UUID, at: datetime, payload: str) -> dict[str, str]:
    """What goes with `payload`, sent at `at`: its name, the time in seconds, the signature."""
    name, timestamp = message_id(delivery_id), str(int(at.timestamp()))
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_sign(secret, f'{name}.{timestamp}.{payload}')}",
    }


def _sign(secret: str, text: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
