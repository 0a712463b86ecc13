"""Inviting people, and the page of those who were invited."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.signup import complete_signup
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Invitation, User
from accounts.rates import may_try
from accounts.services import invitations as service
from accounts.services.errors import AddressTaken, InvitationGone
from accounts.web.forms import AcceptForm, InviteForm

LISTED = 100


def _for_administrators(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        person = request.user
        if not (person.is_staff and person.has_perm("accounts.add_invitation")):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped


@_for_administrators
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitations(request: HttpRequest) -> HttpResponse:
    """List the invitations; a POST makes one and shows its link in the answer, once."""
    form = InviteForm(request.POST or None)
    made: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        made = _invite(request, form)
        form = form if form.errors else InviteForm()
    context = {
        "form": form,
        "invitations": Invitation.objects.select_related("invited_by", "used_by")[:LISTED],
        "has_mail_server": settings.HAS_MAIL_SERVER,
        **made,
    }
    return render(request, "accounts/invitations.html", context)


def _invite(request: HttpRequest, form: InviteForm) -> dict[str, Any]:
    assert isinstance(request.user, User)
    try:
        invitation, token = service.invite(by=request.user, **form.cleaned_data)
    except AddressTaken as refusal:
        form.add_error("email", str(refusal))
        return {}
    _note(request, invitation, ADDITION, _("Invited."))
    link = request.build_absolute_uri(reverse("accounts:invitation", args=[token]))
    return {"made": invitation, "link": link, "sent": _send(request, invitation, link)}


def _send(request: HttpRequest, invitation: Invitation, link: str) -> bool:
    try:
        return service.send(invitation=invitation, link=link)
    except OSError:
        messages.error(request, _("The mail server did not take the mail. Pass the link on."))
        return False


def _note(request: HttpRequest, invitation: Invitation, flag: int, message: str) -> None:
    """In the log of the admin site, as what is done there."""
    assert isinstance(request.user, User)
    LogEntry.objects.log_actions(request.user.pk, [invitation], flag, message, single_object=True)


@_for_administrators
@require_POST
def revoke_invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = get_object_or_404(Invitation, pk=invitation_id)
    if service.revoke(invitation=invitation):
        _note(request, invitation, CHANGE, _("Revoked."))
        messages.success(request, _("The invitation no longer works."))
    else:
        messages.info(request, _("The invitation did not work any more."))
    return redirect("accounts:invitations")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Good whoever else may make an account here: an administrator made it."""
    if not may_try(request, "invitation"):
        return render(request, "429.html", status=429)
    try:
        found = service.find(token=token)
    except InvitationGone as refusal:
        return _gone(request, token, refusal)
    if request.user.is_authenticated:
        return render(request, "accounts/invitation.html", {"invitation": found})
    form = AcceptForm(request.POST or None, email=found.email)
    if request.method == "POST" and form.is_valid():
        return _accept(request, found, token, form)
    return _ask(request, found, form)


def _ask(request: HttpRequest, found: Invitation, form: AcceptForm) -> HttpResponse:
    return render(request, "accounts/invitation.html", {"invitation": found, "form": form})


def _accept(request: HttpRequest, found: Invitation, token: str, form: AcceptForm) -> HttpResponse:
    data = form.cleaned_data
    try:
        user = service.accept(token=token, email=data["email"], password=data["password1"])
    except InvitationGone as refusal:
        return _gone(request, token, refusal)
    except AddressTaken as refusal:
        form.add_error("email", str(refusal))
        return _ask(request, found, form)
    return complete_signup(request, user=user)


def _gone(request: HttpRequest, token: str, refusal: InvitationGone) -> HttpResponse:
    """404 for what never was, 410 for what is over: the same words, and nothing about anybody."""
    status = 410 if service.was_one(token=token) else 404
    context = {"message": refusal.message, "status": status}
    return render(request, "accounts/invitation_gone.html", context, status=status)
