"""The page of one picture: compare, choose a background, download, run again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from images.models import Cutout, Image, Status
from images.services.cutouts import default_spec, request_cutout, retry_cutout
from images.services.errors import ImageGone, Missing
from images.web.access import answer, own_image, own_images, read_ids
from images.web.cards import cards_for, rendition_url
from images.web.engines import default_engine_notice, engine_label, offered_engines
from images.web.forms import TitleForm
from images.web.keyset import neighbours
from images.web.links import links_of
from images.web.refusals import REFUSALS, refuse, tell_refusal
from processing.edges import REASONS
from processing.spec import DISPLAY, ExtractSpec

VERSIONS_SHOWN = 20
SIDES = (2048, 1024, 512)
EDGE_CHOICES = [
    ("off", gettext_lazy("As they are")),
    ("auto", gettext_lazy("Decide by picture")),
    ("on", gettext_lazy("Refine, as for hair and fur")),
]
SWATCHES = [
    ("transparent", gettext_lazy("Transparent")),
    ("#ffffff", gettext_lazy("White")),
    ("#000000", gettext_lazy("Black")),
    ("#e5e7eb", gettext_lazy("Grey")),
    ("#f3e9dc", gettext_lazy("Sand")),
    ("#cfe8ff", gettext_lazy("Sky")),
    ("#c9f2de", gettext_lazy("Mint")),
    ("#ffd6de", gettext_lazy("Rose")),
    ("#ffe08a", gettext_lazy("Sun")),
]


@login_required
@require_safe
def picture(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = own_image(request, image_id)
    if image.deleted_at:
        messages.info(request, _("This picture is in the trash."))
        return redirect("web:trash")
    return render(request, "web/picture.html", _context(request, image))


def _context(request: HttpRequest, image: Image) -> dict[str, Any]:
    versions = list(image.cutouts.all()[:VERSIONS_SHOWN])
    shown = _chosen_version(request, versions) or image.current_cutout
    newer, older = neighbours(own_images(request).kept(), image)
    return {
        "card": cards_for([image])[0],
        "image": image,
        "cutout": shown,
        "display_url": rendition_url(shown.pk, str(DISPLAY)) if shown else None,
        "display_size": _display_size(image),
        "links": links_of(shown) if shown else [],
        "sides": [side for side in SIDES if side < max(image.width, image.height)],
        "versions": [(version, *_told_of(version)) for version in versions],
        "engines": offered_engines(),
        "engine": shown.engine if shown else default_spec().engine,
        "engine_notice": default_engine_notice(),
        "edge_choices": EDGE_CHOICES,
        "newer": newer,
        "older": older,
        "swatches": SWATCHES,
    }


def _told_of(version: Cutout) -> tuple[str, list[str]]:
    """What made it, and sentences about how."""
    if version.kind == Cutout.Kind.EDITED:
        return _("Edited by hand"), []
    told = []
    if version.answered_by:
        told.append(_("Answered by %(engine)s.") % {"engine": engine_label(version.answered_by)})
    if version.refinement in REASONS:
        told.append(REASONS[version.refinement])
    return engine_label(version.engine), told


def _chosen_version(request: HttpRequest, versions: list[Cutout]) -> Cutout | None:
    """The finished cutout that the address asks for, if it is one of this picture."""
    wanted = read_ids(request.GET.getlist("version"))
    found = [v for v in versions if v.pk in wanted and v.status == Status.DONE]
    return found[0] if found else None


def _display_size(image: Image) -> tuple[int, int]:
    """How large the page shows it at most, in CSS pixels; small pictures grow a little."""
    longest = max(image.width, image.height)
    scale = min(max(longest, 480), DISPLAY.width or longest) / longest
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


@login_required
@require_POST
def rerun(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Cut out again: the failed attempt as it was (`retry`), or a new one by an engine."""
    image = own_image(request, image_id)
    page = _page_of(image_id)
    try:
        _run_again(request, image)
    except Missing as error:
        return refuse(request, error, to="web:gallery")
    except REFUSALS as error:
        return refuse(request, error, to=page)
    return answer(request, {"id": str(image_id)}, to=page)


def _run_again(request: HttpRequest, image: Image) -> None:
    if request.POST.get("retry") and image.latest_cutout:
        retry_cutout(cutout=image.latest_cutout)
    else:
        engine = request.POST.get("engine") or default_spec().engine
        edges = request.POST.get("refine_edges") or default_spec().refine_edges
        spec = ExtractSpec.parse({"engine": engine, "refine_edges": edges})
        request_cutout(image=image, extract_spec=spec)


@login_required
@require_POST
def rename(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = own_image(request, image_id)
    page = _page_of(image_id)
    form = TitleForm(request.POST, instance=image)
    if not form.is_valid():
        told = " ".join(str(error) for error in form.errors.get("title", []))
        return tell_refusal(request, code="invalid", message=told, status=400, to=page)
    if not Image.objects.filter(pk=image_id).update(title=image.title):
        return refuse(request, ImageGone(), to="web:gallery")
    return answer(request, {"title": image.display_name}, to=page)


def _page_of(image_id: UUID) -> str:
    return reverse("web:image", args=[image_id])
