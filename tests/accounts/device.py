"""A phone or security key in software: makes passkeys and signs with them, as WebAuthn says."""

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

from accounts.models import User

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


@dataclass
class Device:
    """Holds one key. `host` is the site it was made for."""

    host: str = "testserver"
    scheme: str = "https"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    user_handle: bytes = b""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the browser answers to the options of the page that adds a passkey."""
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        key = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        data = self._data(PRESENT | VERIFIED | WITH_KEY) + key
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._credential(
            self._client("webauthn.create", options),
            {"attestationObject": websafe_encode(cbor.encode(attestation))},
            {"credProps": {"rk": True}},
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What it answers to the options of a page that asks for one."""
        client, data = self._client("webauthn.get", options), self._data(PRESENT | VERIFIED)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            client,
            {
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": websafe_encode(self.user_handle),
            },
            {},
        )

    def row_for(self, user: User, name: str = "Phone") -> Authenticator:
        """As if the user had added it."""
        self.user_handle = user_pk_to_url_str(user).encode()
        credential = self.create({"publicKey": {"challenge": "AA"}})
        return Authenticator.objects.create(
            user=user,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": name, "credential": credential},
        )

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        origin = f"{self.scheme}://{self.host}"
        challenge = options["publicKey"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()

    def _data(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes([flags]) + bytes(4)

    def _credential(
        self, client: bytes, response: dict[str, str], extensions: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "id": websafe_encode(self.credential_id),
            "rawId": websafe_encode(self.credential_id),
            "type": "public-key",
            "clientExtensionResults": extensions,
            "response": {"clientDataJSON": websafe_encode(client), **response},
        }
