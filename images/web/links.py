"""Public addresses of a picture's outputs: made, listed and ended by who owns the picture."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from images.models import Cutout, ShareLink
from images.services.finished import check_done
from images.services.sharing import revoke_link, share
from images.web.files import spec_from_form
from images.web.refusals import REFUSALS, refuse
from processing.spec import OUTPUT_FORMATS, WHITE, Backdrop, Ground, RenderSpec
from processing.spec.grounds import ground_name

LIFETIMES = [
    ("1", gettext_lazy("After a day")),
    ("7", gettext_lazy("After 7 days")),
    ("30", gettext_lazy("After 30 days")),
    ("365", gettext_lazy("After a year")),
    ("0", gettext_lazy("Never")),
]


class LinkForm(forms.Form):
    days = forms.TypedChoiceField(label=gettext_lazy("Ends"), choices=LIFETIMES, coerce=int)


def links_of(cutout: Cutout) -> list[tuple[ShareLink, str]]:
    """Those that still work, newest first, each with what it shows in words."""
    links = ShareLink.objects.usable().filter(cutout=cutout)
    return [(link, in_words(RenderSpec.parse(link.spec))) for link in links]


def in_words(spec: RenderSpec) -> str:
    """“JPEG, #ffffff behind it, at most 1024 px”."""
    if spec.channels == "alpha":
        return _("%(format)s, the mask alone") % {"format": spec.format.upper()}
    ground = spec.background or (None if OUTPUT_FORMATS[spec.format].alpha else WHITE)
    parts = [spec.format.upper(), _ground_in_words(ground)]
    sides = [side for side in (spec.width, spec.height, spec.max_side) if side]
    if sides:
        parts.append(_("at most %(side)s px") % {"side": max(sides)})
    return ", ".join(parts)


def _ground_in_words(ground: Ground | None) -> str:
    if ground is None:
        return _("transparent")
    if isinstance(ground, Backdrop):
        return _("a picture of yours behind it")
    name = ground_name(ground)
    return _("%(ground)s behind it") % {"ground": f"#{name}" if isinstance(ground, tuple) else name}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def make_link(request: HttpRequest, cutout_id: UUID) -> HttpResponse:
    """For the output that the address describes, as a download does; shows the link once."""
    cutouts = Cutout.objects.visible_to(request.user).select_related("image__owner")
    cutout = get_object_or_404(cutouts, pk=cutout_id, image__deleted_at=None)
    try:
        check_done(cutout)
        spec = spec_from_form(request.GET.dict(), owner=cutout.image.owner)
        spec = spec.for_size((cutout.image.width, cutout.image.height))
        return _make(request, cutout, spec)
    except REFUSALS as error:
        return refuse(request, error, to=_page_of(cutout))


def _make(request: HttpRequest, cutout: Cutout, spec: RenderSpec) -> HttpResponse:
    form = LinkForm(request.POST or None, initial={"days": settings.SHARE_DAYS})
    context: dict[str, Any] = {"form": form, "cutout": cutout, "back": _page_of(cutout)}
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["days"]
        lifetime = timedelta(days=days) if days else None
        link, secret = share(cutout=cutout, spec=spec, lifetime=lifetime)
        path = reverse("web:shared", args=[secret, spec.extension])
        context |= {"link": link, "address": request.build_absolute_uri(path)}
    return render(request, "web/link.html", {**context, "words": in_words(spec)})


@login_required
@require_POST
def end_link(request: HttpRequest, link_id: UUID) -> HttpResponse:
    links = ShareLink.objects.visible_to(request.user).usable().select_related("cutout")
    link = get_object_or_404(links, pk=link_id)
    revoke_link(link=link)
    messages.success(request, _("The public link no longer works."))
    return redirect(_page_of(link.cutout))


def _page_of(cutout: Cutout) -> str:
    return f"{reverse('web:image', args=[cutout.image_id])}?version={cutout.pk}"
