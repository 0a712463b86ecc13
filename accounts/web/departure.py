"""The page to delete one's own account."""

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.services.departure import is_last_administrator
from accounts.services.departure import leave as leave_for_good
from accounts.services.errors import LastAdministrator
from accounts.web.forms import LeaveForm


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def leave(request: HttpRequest) -> HttpResponse:
    """Asks for the password if that was long ago, and for the address to be typed."""
    assert isinstance(request.user, User)
    if not ratelimit.consume(request, action="leave", user=request.user):
        return render(request, "429.html", status=429)
    form = LeaveForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            leave_for_good(user=request.user)
        except LastAdministrator as refusal:
            form.add_error(None, str(refusal))
        else:
            return _good_bye(request)
    context = {"form": form, "is_last": is_last_administrator(request.user)}
    return render(request, "accounts/leave.html", context)


def _good_bye(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.success(request, _("Your account is gone. Your pictures are being deleted."))
    return redirect("home")
