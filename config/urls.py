"""The URL table. docs/api.md lists it, and a test keeps the two together."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views import defaults
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.web.sessions import SessionList
from config.api_errors import api_error
from images.compat.removebg.errors import removebg_error
from images.health import healthz, readyz

# The administrators' door has the same locks and rate limits as everybody's.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Its own page for a new password knows none of them.
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign, assignment]
    pattern_name="account_change_password"
)

# Swagger's own styles are inline; only this page may have them.
docs = require_safe(
    csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
        SpectacularSwaggerSplitView.as_view(url_name="schema")
    )
)

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", docs, name="docs"),
    path("api/v1/", include("config.api_urls")),
    path("admin/", admin.site.urls),
    path("accounts/sessions/", SessionList.as_view(), name="usersessions_list"),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("images.compat.urls")),
    path("", include("images.web.urls")),
]


REMOVE_BG = "/v1.0/"


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(REMOVE_BG):
        return removebg_error("bad_request")
    if request.path_info.startswith("/api/"):
        return api_error(400, "bad_request", "The request is malformed.")
    return defaults.bad_request(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(REMOVE_BG):
        return removebg_error("bad_request")
    if request.path_info.startswith("/api/"):
        return api_error(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(REMOVE_BG):
        return removebg_error("not_found")
    if request.path_info.startswith("/api/"):
        return api_error(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def handler429(request: HttpRequest) -> HttpResponse:
    """allauth calls it where a limit of ACCOUNT_RATE_LIMITS is exceeded."""
    page = render(request, "429.html", status=429)
    page["Retry-After"] = "300"  # the longest of those limits
    return page


def handler500(request: HttpRequest, *args: Any) -> HttpResponse:
    if request.path_info.startswith(REMOVE_BG):
        return removebg_error("internal_error")
    if request.path_info.startswith("/api/"):
        return api_error(500, "error", "Something went wrong on the server.")
    return defaults.server_error(request)
