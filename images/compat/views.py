"""What the interfaces of other services have in common."""

import logging
import time
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse, JsonResponse
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from images.api.errors import as_api_error
from images.api.throttles import AnonymousThrottle, CompatThrottle
from images.api.waiting import poll
from images.compat.forms import FormTooLarge, MalformedForm, UnknownForm
from images.models import Cutout, Status
from images.services.errors import NotNow, ServiceError

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

# Some clients give up after 20 s and send the same again: by then they have had an answer.
ANSWER_SECONDS = 17.0
# Programs send several at once and know no "busy": the next of them waits for its turn.
PATIENCE_SECONDS = 8.0


class StillProcessing(NotNow):
    code = "still_processing"
    message = "The picture is still being processed. Send the same request again."
    retry_after = 2


class CutoutFailed(ServiceError):
    """With the code and the sentence of what happened."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message or "The picture could not be processed.")
        self.code = code


ALL_WAYS = cast("list[type[BaseAuthentication]]", api_settings.DEFAULT_AUTHENTICATION_CLASSES)


class CompatView(APIView):
    """Whatever a client accepts, it is answered in the one way that the other service has."""

    schema = None
    # Keys alone: a link on somebody's page must not make a visitor's browser work here.
    authentication_classes = [one for one in ALL_WAYS if not issubclass(one, SessionAuthentication)]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return JSONRenderer(), "application/json"

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers["Cache-Control"] = "no-store"
        return response


class PlainView(CompatView):
    """Errors are one sentence under one key."""

    error_key = "detail"
    throttle_classes = [AnonymousThrottle, CompatThrottle]

    def handle_exception(self, exc: Exception) -> Any:
        status, sentence, wait = _told(exc)
        if status >= 500 and wait is None:
            logger.error("%s failed", self.request.path, exc_info=exc)
        answer = JsonResponse({self.error_key: sentence}, status=status)
        if wait is not None:
            answer.headers["Retry-After"] = str(max(1, round(wait)))
        if status == 401:
            answer.headers["WWW-Authenticate"] = "Token"
        return answer


_FORMS: dict[type[Exception], tuple[int, str]] = {
    MalformedForm: (400, "The request is malformed."),
    FormTooLarge: (413, "The request is too large."),
    UnknownForm: (415, "Send the picture as multipart/form-data."),
}


def _told(error: Exception) -> tuple[int, str, float | None]:
    """(status, sentence, seconds until it is worth asking again)"""
    if type(error) in _FORMS:
        status, sentence = _FORMS[type(error)]
        return status, str(error) or sentence, None
    known = as_api_error(error)
    if isinstance(known, APIException):
        return known.status_code, _sentence(known.detail), getattr(known, "wait", None)
    return 500, "Something went wrong on the server.", None


def _sentence(detail: Any) -> str:
    """The first of however many there are."""
    if isinstance(detail, dict):
        return _sentence(next(iter(detail.values()), ""))
    if isinstance(detail, list):
        return _sentence(detail[0] if detail else "")
    return str(detail)


def finished(cutout: Cutout, *, until: float) -> Cutout:
    """The cutout once it is done. Raises StillProcessing at `until`, or CutoutFailed.

    until: a moment of `time.monotonic()`.
    """
    if not poll(cutout.pk, until=until):
        raise StillProcessing
    done = Cutout.objects.select_related("image").filter(pk=cutout.pk).first()
    if done is None:
        raise CutoutFailed("gone", "The picture has been deleted.")
    if done.status != Status.DONE:
        raise CutoutFailed(done.error_code, done.error_message)
    return done


def owner_of(request: Request) -> "User":
    """Who asks; there is somebody once permissions have been checked."""
    return cast("User", request.user)


def deadline() -> float:
    return time.monotonic() + ANSWER_SECONDS
