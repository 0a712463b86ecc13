"""Download my data: one zip of everything, sent while it is made."""

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from images.services.takeout import Takeout
from images.services.usage import usage_of
from images.services.zips import DownloadRunning
from images.web.refusals import refuse


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def takeout(request: HttpRequest) -> HttpResponseBase:
    """A page that says what there is; a POST gets it."""
    assert request.user.is_authenticated
    if request.method != "POST":
        return render(request, "web/takeout.html", {"usage": usage_of(request.user)})
    if not ratelimit.consume(request, action="takeout", user=request.user):
        return render(request, "429.html", status=429)
    try:
        content = Takeout(owner=request.user)
    except DownloadRunning as refusal:
        return refuse(request, refusal, to="web:takeout")
    return StreamingHttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="clearcut-{timezone.localdate()}.zip"',
            "Cache-Control": "private, no-store",
            "X-Accel-Buffering": "no",  # else nginx writes gigabytes to its disk
        },
    )
