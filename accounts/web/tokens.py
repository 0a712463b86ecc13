"""Pages about a person's API tokens."""

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import TokenForm
from accounts.models import ApiToken, User


def _own_tokens(user: User) -> "list[ApiToken]":
    return list(user.api_tokens.filter(revoked_at=None))


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens; a POST makes one and shows its key in the answer, once."""
    assert isinstance(request.user, User)
    form = TokenForm(request.POST or None)
    new_key = new_token = None
    if request.method == "POST" and form.is_valid():
        new_token, new_key = ApiToken.objects.issue(
            user=request.user, name=form.cleaned_data["name"], expires_at=form.expires_at
        )
        form = TokenForm()
    context = {
        "tokens": _own_tokens(request.user),
        "form": form,
        "new_key": new_key,
        "new_token": new_token,
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "accounts/tokens.html", context)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    assert isinstance(request.user, User)
    token = get_object_or_404(request.user.api_tokens.filter(revoked_at=None), pk=token_id)
    token.revoke()
    messages.success(request, _("“%(name)s” no longer works.") % {"name": token.name})
    return redirect("accounts:tokens")
