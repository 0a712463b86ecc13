"""One shape for every error: {"type": ..., "errors": [{"code", "detail", "attr"}]}."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext_lazy as _
from drf_standardized_errors.handler import exception_handler as standard_handler
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response

from images.services.errors import Busy, CutoutNotFailed, CutoutNotReady, FileLost, ServiceError
from processing.errors import EngineUnavailable, InvalidSpec, ProcessingError


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("This is not possible in the present state.")
    default_code = "conflict"


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"

    def __init__(self, detail: str, code: str, *, retry_after: int) -> None:
        super().__init__(detail, code)
        self.wait = retry_after  # the handler makes a Retry-After header of it


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    return standard_handler(as_api_error(error), context)


def as_api_error(error: Exception) -> Exception:
    """Refusals of services and of the machine room, as the API says them."""
    match error:
        case Busy():
            return Unavailable(error.message, error.code, retry_after=error.retry_after)
        case EngineUnavailable():
            return Unavailable(error.message, error.code, retry_after=60)
        case CutoutNotReady() | CutoutNotFailed():
            return Conflict(error.message, error.code)
        case FileLost():
            return NotFound(error.message, error.code)
        case InvalidSpec():
            return ValidationError({error.parameter: [error.message]}, code=error.code)
        case ProcessingError() | ServiceError():
            return ValidationError(error.message, code=error.code)
        case DjangoValidationError():
            return ValidationError({"file": error.messages}, code=error.code)
    return error
