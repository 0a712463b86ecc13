"""What services refuse, as pages and scripts are told: the sentence, and a status that fits."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse

from images.services.errors import LimitReached, Missing, NotNow, ServiceError, WrongState
from images.web.access import go_on, wants_json
from processing.errors import InvalidSpec, ProcessingError

Refusal = ServiceError | ProcessingError
REFUSALS = (ServiceError, ProcessingError)


def status_of(refusal: Refusal) -> int:
    match refusal:
        case InvalidSpec():
            return 400
        case LimitReached():
            return 402
        case Missing():
            return 404
        case WrongState():
            return 409
        case NotNow():
            return 503
    return 422


def with_headers(answer: HttpResponse, refusal: Refusal) -> HttpResponse:
    if isinstance(refusal, NotNow):
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def refuse(request: HttpRequest, refusal: Refusal, *, to: str) -> HttpResponse:
    """As `tell_refusal`, for what a service raised."""
    answer = tell_refusal(
        request, code=refusal.code, message=refusal.message, status=status_of(refusal), to=to
    )
    return with_headers(answer, refusal)


def tell_refusal(
    request: HttpRequest, *, code: str, message: str, status: int, to: str
) -> HttpResponse:
    """For a script {"code", "message"} and a 4xx or 503, else a message on the next page."""
    if wants_json(request):
        return JsonResponse({"code": code, "message": message}, status=status)
    messages.error(request, message)
    return go_on(request, to=to)
