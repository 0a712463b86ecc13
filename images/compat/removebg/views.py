"""POST /v1.0/removebg and GET /v1.0/account."""

import logging
from contextlib import nullcontext
from typing import Any

from django.http import HttpResponse, JsonResponse
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    Throttled,
)
from rest_framework.request import Request

from images.api.throttles import AnonymousThrottle
from images.api.waiting import waiting_place
from images.compat.forms import Form, FormTooLarge, MalformedForm, UnknownForm, sent_form
from images.compat.removebg import answers
from images.compat.removebg.errors import RemoveBgError
from images.compat.removebg.parameters import read_wishes
from images.compat.removebg.sources import max_bytes, open_background, open_source, read_header
from images.compat.removebg.throttles import RemoveBgThrottle
from images.compat.submitting import submit_once
from images.compat.views import (
    PATIENCE_SECONDS,
    CompatView,
    CutoutFailed,
    StillProcessing,
    deadline,
    finished,
    owner_of,
)
from images.services.cutouts import check_region, default_spec
from images.services.errors import LimitReached, NotNow, ServiceError
from images.services.usage import limits_of, usage_of
from processing.errors import ProcessingError
from processing.imageio import MEGABYTE
from processing.spec import RegionEmpty, RegionOutside

logger = logging.getLogger(__name__)

UNLIMITED = 1_000_000
ALLOWED_HEADERS = "X-Api-Key, Authorization, Content-Type, Accept"
EXPOSED = (
    "X-Credits-Charged, X-Width, X-Height, X-Max-Width, X-Max-Height, X-Type, X-Foreground-Top, "
    "X-Foreground-Left, X-Foreground-Width, X-Foreground-Height, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"
)


class RemoveBgView(CompatView):
    """Errors in that interface's shape, whoever raises them; open to pages of other origins."""

    throttle_classes = [AnonymousThrottle, RemoveBgThrottle]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":  # browsers ask without a key whether they may ask
            super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:
        error = as_error(exc)
        if error.code == "internal_error":
            logger.error("%s failed", self.request.path, exc_info=exc)
        answer = JsonResponse(error.body, status=error.refusal.status)
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(max(1, error.retry_after))
        return answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "86400"
        for throttle in getattr(self, "counted", []):
            for name, value in throttle.headers().items():
                response.headers[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def get_throttles(self) -> list[Any]:
        throttles = super().get_throttles()
        self.counted = [one for one in throttles if isinstance(one, RemoveBgThrottle)]
        return throttles


def as_error(error: Exception) -> RemoveBgError:
    """Whatever was raised, as that interface says it."""
    match error:
        case RemoveBgError():
            return error
        case APIException():
            return _of_framework(error)
        case ServiceError():
            return _of_service(error)
        case RegionOutside():
            return RemoveBgError("roi_exceeds_bounds")
        case RegionEmpty():
            return RemoveBgError("roi_region_empty")
        case ProcessingError():
            return RemoveBgError("processing_failed", reason=error.message)
        case FormTooLarge():
            return RemoveBgError("file_too_large", limit=max_bytes() // MEGABYTE)
        case MalformedForm():
            return RemoveBgError("bad_request", detail=str(error))
        case UnknownForm():
            return RemoveBgError("unsupported_media_type")
    return RemoveBgError("internal_error")


def _of_framework(error: APIException) -> RemoveBgError:
    match error:
        case NotAuthenticated():
            return RemoveBgError("missing_key")
        case AuthenticationFailed():
            return RemoveBgError("auth_failed")
        case Throttled():
            wait: float | None = getattr(error, "wait", None)
            return RemoveBgError("rate_limit_exceeded", retry_after=round(wait or 1))
        case MethodNotAllowed():
            return RemoveBgError("method_not_allowed")
    return RemoveBgError("bad_request" if error.status_code < 500 else "internal_error")


def _of_service(error: ServiceError) -> RemoveBgError:
    match error:
        case LimitReached():
            return RemoveBgError("insufficient_credits")
        case StillProcessing():
            return RemoveBgError("still_processing", retry_after=error.retry_after)
        case CutoutFailed():
            return _of_failure(error)
        case NotNow():
            return RemoveBgError("busy", retry_after=error.retry_after)
    return RemoveBgError("processing_failed", reason=error.message)


def _of_failure(error: CutoutFailed) -> RemoveBgError:
    if error.code == "nothing_found":
        return RemoveBgError("unknown_foreground")
    if error.code in ("truncated_image", "not_an_image"):
        return RemoveBgError("failed_to_read_image")
    return RemoveBgError("processing_failed", reason=error.message)


class RemoveBackground(RemoveBgView):
    def post(self, request: Request) -> HttpResponse:
        """One picture in, one cutout out, in one request."""
        until = deadline()
        place = waiting_place(owner_of(request).pk, patience=PATIENCE_SECONDS)
        with place, sent_form(request._request, max_file_bytes=max_bytes()) as form:
            return self._cut_out(request, form, until)

    def _cut_out(self, request: Request, form: Form, until: float) -> HttpResponse:
        user = owner_of(request)
        wishes = read_wishes(form.fields, engine=default_spec().engine)
        background = open_background(form)
        with open_source(form) as file:
            header = read_header(file)
            check_region(wishes.extract, (header.width, header.height))
            cutout, is_new = submit_once(owner=user, file=file, extract_spec=wishes.extract)
        cutout = finished(cutout, until=until)
        with background.file if background else nullcontext():
            result = answers.make_result(cutout, wishes, background)
        response = answers.answer(request._request, result)
        headers = answers.headers(cutout, wishes, result, charged=int(is_new))
        for name, value in headers.items():
            response.headers[name] = value
        return response


class Account(RemoveBgView):
    def get(self, request: Request) -> HttpResponse:
        """What is left this month; a large number where there is no limit."""
        user = owner_of(request)
        limit = limits_of(user).cutouts_per_month
        left = UNLIMITED
        if limit is not None:
            left = max(0, limit - usage_of(user).cutouts_this_month)
        amounts = {"total": left, "subscription": left, "payg": 0, "enterprise": 0}
        attributes = {"credits": amounts, "api": {"free_calls": left, "sizes": "all"}}
        return JsonResponse({"data": {"attributes": attributes}})
