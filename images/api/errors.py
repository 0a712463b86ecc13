"""One shape for every error: {"type": ..., "errors": [{"code", "detail", "attr"}]}."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext_lazy as _
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.response import Response

from images.services.errors import LimitReached, Missing, NotNow, ServiceError, WrongState
from processing.errors import EngineUnavailable, InvalidSpec, ProcessingError


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("This is not possible in the present state.")
    default_code = "conflict"


class OverLimit(APIException):
    status_code = status.HTTP_402_PAYMENT_REQUIRED
    default_code = "limit_reached"


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The request carries too much data beside its files.")
    default_code = "request_too_large"


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"

    def __init__(self, detail: str, code: str, *, retry_after: int) -> None:
        super().__init__(detail, code)
        self.wait = retry_after  # the handler makes a Retry-After header of it


class Handler(ExceptionHandler):
    """Knows the refusals of our services, and that asking to come back later is no crash."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        return super().convert_known_exceptions(as_api_error(exc))

    def report_exception(self, exc: APIException, response: Response) -> None:
        if not isinstance(exc, Unavailable):
            super().report_exception(exc, response)


def as_api_error(error: Exception) -> Exception:
    """Refusals of services and of the machine room, as the API says them."""
    match error:
        case ServiceError():
            return _refusal(error)
        case EngineUnavailable():
            return Unavailable(error.message, error.code, retry_after=60)
        case InvalidSpec():
            return ValidationError({error.parameter: [error.message]}, code=error.code)
        case ProcessingError():
            return ValidationError(error.message, code=error.code)
        case DjangoValidationError():
            code = getattr(error, "code", None) or "invalid"
            return ValidationError({"file": error.messages}, code=code)
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation() | OverflowError():  # a moment outside the calendar, say
            return ParseError(str(error))
    return error


@contextmanager
def about(name: str) -> Iterator[None]:
    """What is refused with 400 is said of the parameter `name`."""
    try:
        yield
    except (ServiceError, DjangoValidationError) as error:
        known = as_api_error(error)
        if not isinstance(known, ValidationError):
            raise
        said = known.detail
        told = next(iter(said.values())) if isinstance(said, dict) else said
        raise ValidationError({name: told}) from error


def _refusal(error: ServiceError) -> APIException:
    match error:
        case NotNow():
            return Unavailable(error.message, error.code, retry_after=error.retry_after)
        case WrongState():
            return Conflict(error.message, error.code)
        case LimitReached():
            return OverLimit(error.message, error.code)
        case Missing():
            return NotFound(error.message, error.code)
    return ValidationError(error.message, code=error.code)
