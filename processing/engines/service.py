"""An engine that asks another server, by the API of remove.bg. Pictures leave this machine.

The administrator names the server, so that it is trusted to be asked; what it answers is not: no
redirect is followed, certificates are checked, and bytes and time are bounded.
"""

import io
import json
import logging
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import certifi
import numpy as np
import urllib3
from PIL import Image

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
# Between the shapes of what was sent and what came back: a pixel of a small side.
SHAPE_TOLERANCE = 0.02
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
    """Of the same shape, and not larger."""
    across, down = size[0] / sent[0], size[1] / sent[1]
    pixel = max(1 / min(size), SHAPE_TOLERANCE)
    return max(across, down) <= 1 and abs(across - down) <= pixel * max(across, down)


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _ask(access: ServiceAccess, picture: bytes) -> bytes:
    """The body of a good answer."""
    end = monotonic() + access.seconds
    try:
        with _pool() as pool:
            answer = pool.request(
                "POST",
                access.url + PATH,
                fields={**WISHES, "image_file": ("picture.jpg", picture, "image/jpeg")},
                headers={"X-Api-Key": access.key, "Accept-Encoding": "identity"},
                timeout=urllib3.Timeout(
                    connect=min(CONNECT_SECONDS, access.seconds), read=access.seconds
                ),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                return _read_answer(answer, end)
            finally:
                answer.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        logger.warning("The service could not be asked: %s", type(error).__name__)
        raise ServiceFailed(_reason(error)) from error


def _reason(error: Exception) -> str:
    match error:
        case urllib3.exceptions.NewConnectionError():  # which urllib3 counts among the time-outs
            return "The service could not be reached."
        case urllib3.exceptions.TimeoutError():
            return "The service took too long."
        case urllib3.exceptions.ProtocolError():
            return "The connection to the service broke off."
    return "The service could not be reached."


def _pool() -> urllib3.PoolManager:
    """With the authorities that this machine trusts, a company's own among them."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return urllib3.PoolManager(ssl_context=context)


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
        if monotonic() >= end:
            raise ServiceFailed("The service took too long.")
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
