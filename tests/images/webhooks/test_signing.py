"""Signatures, their secrets, and the examples that docs/webhooks.md gives for verifying them."""

import base64
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from images.services import sealing
from images.services.sealing import Unsealable, seal, unseal
from images.services.webhook_signing import make_secret, signed_headers
from tests.programs import find_program

DOCS = (Path(project.BASE_DIR) / "docs/webhooks.md").read_text()
PAYLOAD = '{"type":"cutout.done","data":{"name":"caf\\u00e9"}}'


def headers_of(secret: str, payload: str = PAYLOAD) -> dict[str, str]:
    return signed_headers(secret=secret, delivery_id=uuid4(), at=timezone.now(), payload=payload)


def test_the_specifications_own_library_agrees() -> None:
    secret = make_secret()
    headers = headers_of(secret)
    assert Webhook(secret).verify(PAYLOAD, headers) == {
        "type": "cutout.done",
        "data": {"name": "café"},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(PAYLOAD + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(make_secret()).verify(PAYLOAD, headers)


def test_a_known_signature() -> None:
    """The same as the reference gives, whatever the fraction of the second."""
    secret = "whsec_" + base64.b64encode(bytes(range(24))).decode()
    at = datetime(2026, 11, 20, 12, 0, 0, 999_999, tzinfo=UTC)
    delivery_id = uuid4()
    headers = signed_headers(secret=secret, delivery_id=delivery_id, at=at, payload=PAYLOAD)
    assert headers["webhook-id"] == f"msg_{delivery_id.hex}"
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
    expected = Webhook(secret).sign(headers["webhook-id"], at, PAYLOAD)
    assert headers["webhook-signature"] == expected


def test_secrets() -> None:
    made = {make_secret() for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


class TestSealing:
    def test_back_and_forth(self) -> None:
        sealed = seal("whsec_x")
        assert "whsec_x" not in sealed
        assert sealed != seal("whsec_x")
        assert unseal(sealed) == "whsec_x"

    def test_keys_of_earlier_days(self, settings: Settings) -> None:
        sealed = seal("whsec_x")
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a new one"
        assert unseal(sealed) == "whsec_x"
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(Unsealable):
            unseal(sealed)

    @pytest.mark.parametrize("sealed", ["", "x", "gAAAAA", "é"])
    def test_garbage(self, sealed: str) -> None:
        with pytest.raises(Unsealable):
            unseal(sealed)

    def test_for_one_purpose(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What second factors are sealed with opens nothing here."""
        sealed = seal("whsec_x")
        monkeypatch.setattr(sealing, "PURPOSE", b"clearcut: secrets of second factors")
        sealing._fernet.cache_clear()
        try:
            with pytest.raises(Unsealable):
                unseal(sealed)
        finally:
            monkeypatch.undo()
            sealing._fernet.cache_clear()


def example(language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    (code,) = (block for block in blocks if "verify(" in block)
    return str(code)


CALLS = {
    "python": "\nimport sys\nverify(sys.argv[1], dict(zip(('webhook-id', 'webhook-timestamp', "
    "'webhook-signature'), sys.argv[2:5])), sys.argv[5].encode())\n",
    "javascript": "\nconst [secret, id, timestamp, signature, body] = process.argv.slice(2);\n"
    'verify(secret, { "webhook-id": id, "webhook-timestamp": timestamp, '
    '"webhook-signature": signature }, Buffer.from(body));\n',
}


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_examples_verify(language: str, tmp_path: Path) -> None:
    program = sys.executable if language == "python" else find_program("node")
    path = tmp_path / ("verify.py" if language == "python" else "verify.mjs")
    path.write_text(example(language) + CALLS[language])
    secret = make_secret()

    def run(headers: dict[str, str], body: str) -> int:
        command = [program, str(path), secret, *headers.values(), body]
        return subprocess.run(command, capture_output=True, check=False).returncode

    good = headers_of(secret)
    other = headers_of(make_secret())
    assert run(good, PAYLOAD) == 0
    assert run({**good, "webhook-signature": f"v2,x {good['webhook-signature']}"}, PAYLOAD) == 0
    assert run(good, PAYLOAD.replace("done", "gone")) != 0
    assert run({**good, "webhook-signature": other["webhook-signature"]}, PAYLOAD) != 0
    assert run({**good, "webhook-signature": "v1,"}, PAYLOAD) != 0
    old = signed_headers(
        secret=secret,
        delivery_id=uuid4(),
        at=datetime(2020, 1, 1, tzinfo=UTC),
        payload=PAYLOAD,
    )
    assert run(old, PAYLOAD) != 0
