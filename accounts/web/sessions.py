"""Where somebody is signed in, and ending that."""

from typing import Any

from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from accounts.models import User
from accounts.services.sessions import living_sessions


class SessionList(ListUserSessionsView):
    """allauth's page, which ends all others, without its queries for every row."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert isinstance(self.request.user, User)
        context = FormView.get_context_data(self, **kwargs)
        return context | {"sessions": living_sessions(user=self.request.user)}


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    assert isinstance(request.user, User)
    session = get_object_or_404(UserSession, pk=session_id, user=request.user)
    is_this = session.session_key == request.session.session_key
    session.end()
    if is_this:
        logout(request)
        return redirect("account_login")
    messages.success(request, _("That browser is signed out."))
    return redirect("usersessions_list")
