"""Requests to /v1.0/removebg byte by byte as clients in other languages write them.

The programs themselves that run here are in tests/system/test_clients.py; these are the ways of the
others with header names, quotes, part headers and content types.
"""

import base64
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.test import Client
from PIL import Image as Pixels

pytestmark = pytest.mark.django_db
ADDRESS = "/v1.0/removebg"


@dataclass(frozen=True)
class Shape:
    """How one client writes multipart forms. `file`, `field`: the headers of a part."""

    boundary: str
    content_type: str
    file: str
    field: str
    key: str = "X-Api-Key"
    accept: str = "*/*"
    ends_with: str = "\r\n"

    def body(self, content: bytes, fields: dict[str, str]) -> bytes:
        parts = [(self.file.format(length=len(content)), content)]
        for name, value in fields.items():
            parts.append((self.field.format(name=name, length=len(value)), value.encode()))
        written = b"".join(
            f"--{self.boundary}\r\n".encode() + head.encode() + b"\r\n\r\n" + data + b"\r\n"
            for head, data in parts
        )
        return written + f"--{self.boundary}--{self.ends_with}".encode()


def plain(boundary: str, **more: str) -> Shape:
    """As browsers, Go and most others do."""
    file = 'Content-Disposition: form-data; name="image_file"; filename="dog.jpg"\r\n'
    given = {
        "content_type": f"multipart/form-data; boundary={boundary}",
        "file": file + "Content-Type: image/jpeg",
        "field": 'Content-Disposition: form-data; name="{name}"',
    }
    return Shape(boundary=boundary, **(given | more))


QUOTED = "Content-Disposition: form-data; "
SHAPES = {
    "browser": plain("----WebKitFormBoundaryx4Sl0CDnDfX1Gb2T"),
    "axios": plain(
        "--------------------------515890814546601021194782",
        accept="application/json, text/plain, */*",
        ends_with="\r\n",
    ),
    "go": plain(
        "0b1f1d1c3f7c3a6e4f9a7bb1d9e3e8a5c1f2d3e4f5a6b7c8d9e0f1a2b3c4",
        file=QUOTED + 'name="image_file"; filename="dog.jpg"\r\n'
        "Content-Type: application/octet-stream",
    ),
    "ruby": plain(
        "-----------RubyMultipartPost-5c1b2a9ee0f3a5d0b8d1",
        file=QUOTED + 'name="image_file"; filename="dog.jpg"\r\nContent-Length: {length}\r\n'
        "Content-Type: image/jpeg\r\nContent-Transfer-Encoding: binary",
    ),
    "php guzzle": plain(
        "b1d6f9b2f86bb4c2f4d5e4aa24b4d9e7f0f1c0d2",
        file=QUOTED + 'name="image_file"; filename="dog.png"\r\nContent-Length: {length}\r\n'
        "Content-Type: image/png",
        field=QUOTED + 'name="{name}"\r\nContent-Length: {length}',
        key="X-API-Key",
    ),
    "php wordpress": plain("8cA0rXQw5nR2", ends_with=""),
    "dotnet": plain(
        "3f1c9a52-0c5e-4b5e-9b3a-8d0e6b0d5a11",
        content_type='multipart/form-data; boundary="3f1c9a52-0c5e-4b5e-9b3a-8d0e6b0d5a11"',
        file=QUOTED + "name=image_file; filename=dog.jpg; filename*=utf-8''dog.jpg",
        field="Content-Type: text/plain; charset=utf-8\r\n" + QUOTED + "name={name}",
    ),
    "java": plain(
        "Zr1xk2_bJq7oX0vY3tHn",
        file=QUOTED + 'name="image_file"; filename="dog.jpg"\r\n'
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary",
        field=QUOTED + 'name="{name}"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n'
        "Content-Transfer-Encoding: 8bit",
    ),
    "kotlin": plain(
        "4f0a1c32-6a0d-4f0b-8d0e-1b2c3d4e5f60",
        field=QUOTED + 'name="{name}"\r\nContent-Length: {length}',
        key="x-api-key",
    ),
    "dart": plain(
        "dart-http-boundary-1-Hx_gYpQoJ3bK",
        file="content-type: application/octet-stream\r\ncontent-disposition: form-data; "
        'name="image_file"; filename="dog.jpg"',
        field='content-disposition: form-data; name="{name}"',
        key="x-api-key",
    ),
    "swift": plain("Boundary-7E57D3A4-1B2C", key="X-API-KEY", accept="image/png"),
    "a name beyond ASCII": plain(
        "boundary",
        file=QUOTED + 'name="image_file"; filename="chien d\'été 犬.jpg"\r\n'
        "Content-Type: application/x-nothing",
    ),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_forms(name: str, key: str, sent: bytes) -> None:
    shape = SHAPES[name]
    response = Client().post(
        ADDRESS,
        shape.body(sent, {"size": "auto", "format": "png", "bg_color": ""}),
        content_type=shape.content_type,
        headers={shape.key: key, "Accept": shape.accept, "User-Agent": name},
    )
    assert opened(response).size == (400, 300)


def opened(response: Any) -> Pixels.Image:
    assert response.status_code == 200, response.content[:300]
    assert response["Content-Type"] == "image/png"
    picture = Pixels.open(io.BytesIO(response.content))
    assert picture.mode == "RGBA"
    return picture


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded;charset=utf-8",
    ],
)
def test_urlencoded(content_type: str, key: str, sent: bytes) -> None:
    """PHP's form_params among others; what is not an address' alphabet is escaped."""
    body = f"image_file_b64={quote_plus(base64.b64encode(sent))}&size=auto&crop=&scale="
    response = Client().post(ADDRESS, body, content_type=content_type, headers={"X-Api-Key": key})
    assert opened(response).size == (400, 300)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
@pytest.mark.parametrize(
    "fields",
    [
        {"size": "auto"},
        {"size": "auto", "crop": False, "scale": None, "roi": "", "semitransparency": True},
        {"size": "auto", "shadow_opacity": 50, "position": None, "unknown": 1.5},
    ],
)
def test_json(content_type: str, fields: dict[str, Any], key: str, sent: bytes) -> None:
    """Numbers, booleans and null as clients have them in their objects."""
    body = json.dumps({"image_file_b64": base64.b64encode(sent).decode(), **fields})
    response = Client().post(ADDRESS, body, content_type=content_type, headers={"X-Api-Key": key})
    assert opened(response).size == (400, 300)


@pytest.mark.parametrize("name", ["X-Api-Key", "x-api-key", "X-API-KEY", "X-API-Key"])
def test_the_key_in_any_case(name: str, key: str) -> None:
    assert Client().get("/v1.0/account", headers={name: key}).status_code == 200


@pytest.mark.parametrize("path", [ADDRESS, f"{ADDRESS}/"])
@pytest.mark.parametrize("agent", ["remove-bg-go-1.1.0", "remove-bg-ruby-2.0.0", "Zapier", ""])
def test_nothing_depends_on_who_asks(path: str, agent: str, key: str, sent: bytes) -> None:
    shape = SHAPES["go"]
    response = Client().post(
        path,
        shape.body(sent, {"size": "auto"}),
        content_type=shape.content_type,
        headers={"X-Api-Key": key, "User-Agent": agent},
    )
    assert opened(response).size == (400, 300)


def test_errors_can_be_joined_as_php_does(key: str) -> None:
    """mtownsend/remove-bg joins the values of the first error with dashes: all must be text."""
    response = Client().post(ADDRESS, {"size": "auto"}, headers={"X-Api-Key": key})
    first = response.json()["errors"][0]
    assert " - ".join(first.values()).startswith("No image given")
