"""`Idempotency-Key`: a request that is sent again is not done again.

For views whose answers hold nothing secret: answers are kept for a day.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.core.files.base import File
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from images.services.idempotency import (
    Answer,
    InProgress,
    KeyReused,
    Turn,
    begin_request,
    end_unanswered,
    keep_answer,
)
from images.services.uploads import digest

if TYPE_CHECKING:
    from accounts.models import User

Method = Callable[..., Response]

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
RETRY_SECONDS = 2
MAX_LOCATION_LENGTH = 500
MAX_BODY_BYTES = 64 * 1024
# What may be otherwise the next time is not kept.
PASSING = (status.HTTP_409_CONFLICT, status.HTTP_429_TOO_MANY_REQUESTS)

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="Of your own, 1 to 255 visible ASCII characters: the same request sent again "
    "within a day is answered as the first one was, with `Idempotent-Replayed: true`, and not "
    "done again.",
)


class Reused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key came with another request before. Use a new one."
    default_code = "idempotency_key_reused"


class UnderWay(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The first request with this Idempotency-Key is still being answered."
    default_code = "idempotency_in_progress"
    wait = RETRY_SECONDS  # the handler makes a Retry-After header of it


def idempotent(method: Method) -> Method:
    """Decorates a method of a view, nearest to it: under `action` and `extend_schema`."""

    @wraps(method)
    def answered(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return method(view, request, *args, **kwargs)
        turn = _begin(request, _checked(key))
        if isinstance(turn, Answer):
            return _replay(turn)
        try:
            response = _ask(method, view, request, *args, **kwargs)
        except BaseException:
            end_unanswered(turn)
            raise
        _settle(turn, response)
        return response

    return answered


def _checked(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not all("!" <= c <= "~" for c in key):
        message = f"It must have 1 to {MAX_KEY_LENGTH} visible ASCII characters."
        raise ValidationError({HEADER: [message]}, code="invalid")
    return key


def _begin(request: Request, key: str) -> Turn | Answer:
    owner = cast("User", request.user)
    try:
        return begin_request(owner=owner, key=key, fingerprint=_fingerprint(request))
    except KeyReused as error:
        raise Reused from error
    except InProgress as error:
        raise UnderWay from error


def _ask(method: Method, view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
    """The view's answer; its refusals are answers too."""
    try:
        return method(view, request, *args, **kwargs)
    except Exception as error:
        response = view.handle_exception(error)
        response.exception = True
        return response


def _settle(turn: Turn, response: Response) -> None:
    if response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR or (
        response.status_code in PASSING
    ):
        end_unanswered(turn)
        return
    text = JSONRenderer().render(response.data) or b"null"
    body = json.loads(text)
    # PostgreSQL keeps no NUL. Both are refusals that repeat what was sent, and will come again.
    if len(text) > MAX_BODY_BYTES or _has_nul(body):
        end_unanswered(turn)
        return
    location = response.headers.get("Location", "")[:MAX_LOCATION_LENGTH]
    keep_answer(turn, Answer(response.status_code, body, location))


def _has_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_has_nul(part) for pair in value.items() for part in pair)
        case list():
            return any(_has_nul(part) for part in value)
    return False


def _replay(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    if answer.location:
        headers["Location"] = answer.location
    return Response(answer.body, status=answer.status, headers=headers)


def _fingerprint(request: Request) -> str:
    """Of method, address, parameters and the content of files, whatever these are called."""
    parts = [str(request.method), request.get_full_path(), _parameters(request.data)]
    for name, file in _files(request.data):
        parts += [name, digest(file)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _parameters(data: Any) -> str:
    if isinstance(data, QueryDict):
        plain = ((name, values) for name, values in data.lists())
        data = {name: [value for value in values if not _is_file(value)] for name, values in plain}
    elif isinstance(data, Mapping):
        data = {name: value for name, value in data.items() if not _is_file(value)}
    return json.dumps(data, sort_keys=True)


def _files(data: Any) -> Iterator[tuple[str, "File[bytes]"]]:
    pairs: list[tuple[str, Any]]
    if isinstance(data, QueryDict):
        pairs = [(name, value) for name, values in data.lists() for value in values]
    else:
        pairs = list(data.items()) if isinstance(data, Mapping) else []
    for name, value in sorted(pairs, key=lambda pair: str(pair[0])):
        if _is_file(value):
            yield name, value


def _is_file(value: Any) -> bool:
    return isinstance(value, File)
