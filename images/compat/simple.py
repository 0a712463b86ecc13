"""POST /remove-bg: one picture in, the address of the subject on white out."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from images.api.waiting import waiting_place
from images.compat.forms import Form, as_file, sent_form
from images.compat.submitting import submit_once
from images.compat.views import PATIENCE_SECONDS, PlainView, deadline, finished, owner_of
from images.services.cutouts import default_spec
from images.services.render_specs import render_spec_for
from images.services.sharing import share
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

NOT_OF_THE_SPEC = {"image", "file"}


class SimpleRemoveBackground(PlainView):
    error_key = "error"

    def check_permissions(self, request: Request) -> None:
        """A key, or a network from which none is asked for."""
        if not request.user.is_authenticated:
            request.user = self._guest(request)

    def _guest(self, request: Request) -> "User":
        (throttle, *_others) = super().get_throttles()
        address = throttle.get_ident(request)
        open_to_it = any(_lies_in(address, network) for network in settings.OPEN_NETWORKS)
        users = get_user_model().objects.filter(is_active=True)
        guest = users.filter(email=settings.OPEN_NETWORKS_USER.lower()).first()
        if not open_to_it or guest is None:
            raise NotAuthenticated
        return guest

    def post(self, request: Request) -> HttpResponse:
        until = deadline()
        place = waiting_place(owner_of(request).pk, patience=PATIENCE_SECONDS)
        with place, sent_form(request._request, max_file_bytes=settings.MAX_UPLOAD_BYTES) as form:
            return self._answer(request, form, until)

    def _answer(self, request: Request, form: Form, until: float) -> HttpResponse:
        content = form.files.get("image") or form.files.get("file")
        if content is None:
            return JsonResponse({"error": "No image uploaded"}, status=400)
        owner = owner_of(request)
        spec = _spec_of({**request.query_params.dict(), **form.fields}, owner)
        name = form.names.get("image") or form.names.get("file") or "picture"
        cutout, _new = submit_once(
            owner=owner, file=as_file(content, name), extract_spec=default_spec(), keep=True
        )
        cutout = finished(cutout, until=until)
        lifetime = timedelta(days=settings.SHARE_DAYS) if settings.SHARE_DAYS else None
        _link, secret = share(cutout=cutout, spec=spec, lifetime=lifetime)
        path = reverse("web:shared", args=[secret, spec.extension])
        return JsonResponse({"url": request.build_absolute_uri(path)})


def _lies_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    """False for what is no address: a proxy may pass on anything."""
    try:
        return ip_address(address) in network
    except ValueError:
        return False


def _spec_of(fields: dict[str, str], owner: "User") -> RenderSpec:
    """Rendition parameters; without any, the subject on white as JPEG."""
    given = {name: v for name, v in fields.items() if v and name not in NOT_OF_THE_SPEC}
    if "preset" not in given:  # which knows its own format
        given = {"format": "jpeg"} | given
    return render_spec_for(owner=owner, params=given)
