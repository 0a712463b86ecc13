"""Middleware around pages of libraries: what is off is not there, what fails says so."""

import logging
from collections.abc import Callable
from typing import Any

from allauth.core.internal import ratelimit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from requests import RequestException

from accounts.mfa import UnreadableSecret
from accounts.provider import explain, is_configured

logger = logging.getLogger(__name__)

ROUTES = ("accounts/3rdparty/", "accounts/social/", "accounts/oidc/")
# What a provider can do to us: not answer, or answer something else than the standard says.
ITS_FAULTS = (
    RequestException,
    OAuth2Error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
)
KEPT = ("process", "next")


def _is_about_provider(request: HttpRequest) -> bool:
    match = request.resolver_match
    return bool(match and match.route.startswith(ROUTES))


class ProviderDoor:
    """Routes of sign-in at a provider exist only where there is one, and never end in a 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 302 and _is_about_provider(request):
            return _leave(request, response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if not _is_about_provider(request):
            return
        if not is_configured():
            raise Http404
        match = request.resolver_match
        if match and match.view_name == "openid_connect_login":
            # A link must not choose what is asked of the provider, nor under which state.
            query = QueryDict(mutable=True)
            query.update({name: request.GET[name] for name in KEPT if name in request.GET})
            request.GET = query  # type: ignore[assignment]

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not _is_about_provider(request) or not isinstance(error, ITS_FAULTS):
            return None
        logger.warning("signing in at the provider failed", exc_info=error)
        return explain(request, _out_of_order(), 401)


def _leave(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """To another site by a page: browsers hold a form to its own site (form-action), redirects too.

    Which host a provider signs people in at, it tells only when asked.
    """
    address = response.headers["Location"]
    if url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return response
    return render(request, "socialaccount/login_redirect.html", {"redirect_to": address})


def _out_of_order() -> str:
    return _("%(name)s does not answer as it should. Try again in a few minutes.") % {
        "name": settings.OIDC_NAME
    }


class PasskeyDoor:
    """Asking for the options of a passkey makes a session, so that is limited, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        if not match or match.view_name != "mfa_login_webauthn" or request.method == "POST":
            return None
        limit = {"app": "allauth.mfa", "action": "webauthn_options", "limit_get": True}
        return None if ratelimit.consume(request, **limit) else ratelimit.respond_429(request)


class UnreadableSecrets:
    """After a change of SECRET_KEY, pages about second factors explain rather than fail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, UnreadableSecret):
            return None
        logger.error("a second factor was sealed with an unknown SECRET_KEY")
        messages.error(request, error.message)
        return redirect("mfa_index" if request.user.is_authenticated else "account_login")
