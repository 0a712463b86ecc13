"""The first page: what this is, for those who are not signed in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from images.web.engines import whereabouts


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("web:workspace")
    context = {
        "base_url": request.build_absolute_uri("/").rstrip("/"),
        "whereabouts": whereabouts(),
    }
    return render(request, "web/landing.html", context)
