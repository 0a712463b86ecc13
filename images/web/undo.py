"""A way back after deleting: the next page offers it once, in a toast."""

from django.http import HttpRequest

from images.web.access import wants_json

KEY = "undo"


def offer_undo(request: HttpRequest, message: str, ids: list[str]) -> None:
    """Scripts show their own toast; for everybody else the next page does."""
    if ids and not wants_json(request):
        request.session[KEY] = {"message": message, "ids": ids}


def take_undo(request: HttpRequest) -> dict[str, object] | None:
    """What the page now being made is to offer. Reads the session only if there is one."""
    if not request.user.is_authenticated or KEY not in request.session:
        return None
    offer: dict[str, object] = request.session.pop(KEY)
    return offer
