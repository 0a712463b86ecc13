"""Who comes first, and who was there."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.models import User
from accounts.services.first_run import has_people

GetResponse = Callable[[HttpRequest], HttpResponseBase]
# What programs ask for, what every page is made of, and the page of the first run itself.
NEVER_SENT_ON = (
    *("/api/", "/v1.0/", "/remove-bg", "/s/"),
    *("/static/", "/healthz", "/readyz", "/first-run/"),
)


class FirstRun:
    """While there is no account at all, every page leads to the one that makes the first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(NEVER_SENT_ON) or has_people():
            return self.get_response(request)
        return redirect("accounts:first_run")


class LastSeen:
    """Notes that a person was there; costs nothing where nobody asked who that is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        person = getattr(request, "_cached_user", None)
        if isinstance(person, User):
            person.touch()
        return response
