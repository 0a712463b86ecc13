"""Terms of use and privacy notice, as the administrator wrote them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.markdown import render_markdown
from accounts.services.site import site_of


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    return _page(request, _("Terms of use"), site_of(request).terms)


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return _page(request, _("Privacy notice"), site_of(request).privacy)


def _page(request: HttpRequest, title: str, text: str) -> HttpResponse:
    if not text.strip():
        raise Http404
    context = {"title": title, "text": render_markdown(text)}
    return render(request, "accounts/page.html", context)
