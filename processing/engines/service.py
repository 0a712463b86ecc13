"""An engine that asks another server, by the API of remove.bg. Pictures leave this machine.

The administrator names the server, so that it is trusted to be asked; what it answers is not: no
redirect is followed, certificates are checked, and bytes and time are bounded.
"""

import io
import json
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any

import certifi
import numpy as np
import urllib3
from PIL import Image
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError, ProtocolError
from urllib3.util import parse_url

from processing.connections import connected
from processing.errors import (
    EngineUnavailable,
    NothingFound,
    ServiceAsksToWait,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceQuota,
    ServiceRefused,
)

from . import Prediction, service_access
from .catalog import EngineInfo
from .rembg_engine import softness
from .service_access import ServiceAccess

logger = logging.getLogger(__name__)

PATH = "/v1.0/removebg"
# The matte alone, of the size that was sent where the service gives that much.
WISHES = {"size": "auto", "format": "png", "channels": "alpha"}
JPEG_QUALITY = 95
CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
# Of a side that came back, beside a pixel: how much its length may be off the shape that was sent.
SHAPE_TOLERANCE = 0.02
LEAST_SIDE = 16  # px; less says too little about any picture that is not as small
LONGEST_WAIT = 300.0
USUAL_WAIT = 15.0
_CODE = re.compile(r"[a-z0-9_-]{1,60}")


@dataclass(frozen=True, slots=True)
class ServiceEngine:
    """Asks anew for every picture: the administrator may have changed the address meanwhile."""

    info: EngineInfo

    def predict(self, image: Image.Image) -> Prediction:
        """Raises NothingFound, EngineUnavailable where the service is switched off, or one of
        ServiceFailed, ServiceAsksToWait, ServiceRefused.
        """
        access = service_access.current()
        if access is None:
            raise EngineUnavailable(f"{self.info.label} is switched off on this server.")
        matte = read_matte(_ask(access, _as_jpeg(image)), image.size)
        values = np.asarray(matte, np.float32) / 255
        return Prediction(matte, float(values.max()), softness(values))


def load(info: EngineInfo, weights: Path | None, threads: int | None) -> ServiceEngine:
    return ServiceEngine(info)


def read_matte(content: bytes, sent: tuple[int, int]) -> Image.Image:
    """The matte (L) in an answer to a picture of the size `sent`: its transparency, or a grey map.

    Raises ServiceFailed for anything else.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "WEBP")) as answer:
            if not _fits(answer.size, sent):
                raise ServiceFailed("The service answered with a picture of another shape.")
            return _matte_of(answer)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ServiceFailed("The service answered with something that is no picture.") from error


def _matte_of(answer: Image.Image) -> Image.Image:
    if answer.mode in ("L", "1"):
        return answer.convert("L")
    if answer.has_transparency_data:
        return answer.convert("RGBA").getchannel("A")
    raise ServiceFailed("The service answered with a picture that has no transparency.")


def _fits(size: tuple[int, int], sent: tuple[int, int]) -> bool:
    """Of the same shape, not larger, and not tiny."""
    if any(one > other for one, other in zip(size, sent, strict=True)):
        return False
    if any(one < min(other, LEAST_SIDE) for one, other in zip(size, sent, strict=True)):
        return False
    scale = max(size[0] / sent[0], size[1] / sent[1])
    wanted = (sent[0] * scale, sent[1] * scale)
    return all(
        abs(one - other) <= max(1, SHAPE_TOLERANCE * other)
        for one, other in zip(size, wanted, strict=True)
    )


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _ask(access: ServiceAccess, picture: bytes) -> bytes:
    """The body of a good answer."""
    end = monotonic() + access.seconds
    body, content_type = urllib3.encode_multipart_formdata(
        {**WISHES, "image_file": ("picture.jpg", picture, "image/jpeg")}
    )
    headers = {
        "X-Api-Key": access.key,
        "Content-Type": content_type,
        "Accept-Encoding": "identity",
    }
    try:
        with _service(access, end) as (service, path):
            with suppress(BrokenPipeError):  # it may have answered before it had read everything
                service.request(
                    "POST", path, body, headers, preload_content=False, decode_content=False
                )
            with closing(service.getresponse()) as answer:
                _require_time(end)
                return _read_answer(answer, end)
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        logger.warning("The service could not be asked: %s", type(error).__name__)
        raise ServiceFailed(_reason(error, end)) from error


def _reason(error: Exception, end: float) -> str:
    if monotonic() >= end or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return "The service took too long."
    if isinstance(error, ProtocolError | HTTPException | ConnectionResetError | BrokenPipeError):
        return "The connection to the service broke off."
    return "The service could not be reached."


@contextmanager
def _service(access: ServiceAccess, end: float) -> Iterator[tuple[HTTPConnection, str]]:
    """HTTP over a connection that ends at `end`, and the path to ask for."""
    url = parse_url(access.url + PATH)
    if not url.host:
        raise LocationValueError("The address names no server.")
    host = url.host.strip("[]")
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    with connected(host, port, longest=CONNECT_SECONDS, end=end) as raw:
        raw.settimeout(max(0.1, end - monotonic()))  # it may think for as long as it has
        service = (
            HTTPSConnection(host, url.port, ssl_context=_trusted())
            if secure
            else HTTPConnection(host, url.port)
        )
        service._new_conn = lambda: raw  # type: ignore[method-assign]
        with closing(service):
            yield service, url.request_uri


def _trusted() -> ssl.SSLContext:
    """With the authorities that this machine trusts, a company's own among them."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _require_time(end: float) -> None:
    """What was cut off at the end may look like a proper end."""
    if monotonic() >= end:
        raise ServiceFailed("The service took too long.")


def _read_answer(answer: Any, end: float) -> bytes:
    if answer.status == 200:
        return _read(answer, end, MAX_ANSWER_BYTES)
    code = _error_code(_read(answer, end, MAX_ERROR_BYTES))
    logger.warning("The service answered with %s %s", answer.status, code)
    told = f"{answer.status} ({code})" if code else str(answer.status)
    match answer.status:
        case 400 if code == "unknown_foreground":
            raise NothingFound
        case 401 | 403:
            raise ServiceKeyRefused
        case 402:
            raise ServiceQuota
        case 429 | 503:
            raise ServiceAsksToWait(_wait_of(answer.headers.get("Retry-After", "")))
        case status if 400 <= status < 500:
            raise ServiceRefused(f"The service refused this picture: it answered with {told}.")
    raise ServiceFailed(f"The service answered with {told}.")


def _read(answer: Any, end: float, limit: int) -> bytes:
    content = bytearray()
    while chunk := answer.read1(CHUNK):
        content += chunk
        if len(content) > limit:
            raise ServiceFailed("The service answered with more than a picture can be.")
    _require_time(end)
    return bytes(content)


def _error_code(body: bytes) -> str:
    """What the service calls it, if that is a plain word; blank otherwise."""
    try:
        code = json.loads(body)["errors"][0]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _wait_of(header: str) -> float:
    """Seconds; a date says too little about a clock that is not ours."""
    known = header.isascii() and header.isdigit()
    return min(LONGEST_WAIT, max(1.0, float(header[:9]))) if known else USUAL_WAIT
