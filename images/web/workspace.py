"""The page where pictures are dropped. With scripts it posts to the API; without, here."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from images.services.names import PICTURE_ENDINGS
from images.services.uploads import submit_image
from images.web.access import own_images
from images.web.cards import cards_for
from images.web.engines import default_engine_notice
from images.web.refusals import REFUSALS
from processing.sniff import FORMATS

RECENT = 24
MEGABYTE = 1024 * 1024
# For pickers and scripts; the server looks at the content alone.
ENDINGS = [f".{ending}" for ending in PICTURE_ENDINGS]
FORMAT_NAMES = ["WebP" if name == "webp" else name.upper() for name in FORMATS]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def workspace(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _upload(request)
    recent = cards_for(own_images(request).kept().with_cutouts()[:RECENT])
    context = {
        "cards": recent,
        "pending": any(card.is_pending for card in recent),
        "is_full": len(recent) == RECENT,
        "engine_notice": default_engine_notice(),
        "endings": ENDINGS,
        "format_names": FORMAT_NAMES,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_megabytes": f"{settings.MAX_UPLOAD_BYTES / MEGABYTE:g}",
        "max_megapixels": settings.MAX_PIXELS // 1_000_000,
    }
    return render(request, "web/workspace.html", context)


def _upload(request: HttpRequest) -> HttpResponse:
    """Each bad file gets its sentence, the others go on."""
    files = request.FILES.getlist("files")
    added = sum(_submit(request, file) for file in files)
    if added:
        told = ngettext("%(count)d picture added.", "%(count)d pictures added.", added)
        messages.success(request, told % {"count": added})
    elif not files:
        messages.error(request, _("Choose at least one picture first."))
    return redirect("web:workspace")


def _submit(request: HttpRequest, file: "File[bytes]") -> bool:
    assert request.user.is_authenticated
    try:
        submit_image(owner=request.user, file=file)
    except ValidationError as error:
        sentence = " ".join(error.messages)
        messages.error(request, f"{file.name}: {sentence}")
        return False
    except REFUSALS as refusal:
        messages.error(request, f"{file.name}: {refusal.message}")
        return False
    return True
