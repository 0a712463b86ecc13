"""Who is signed in, where, and ending that."""

from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.filters import PersonFilter
from accounts.admin.readonly import ReadOnlyAdmin, is_superuser, note, short_time
from accounts.devices import describe

MAX_AT_ONCE = 500


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin[UserSession]):
    """Never the key of a session: whoever has it is signed in."""

    list_display = ["user", "device", "ip", "began", "seen"]
    list_select_related = ["user"]
    list_filter = [PersonFilter, "last_seen_at"]
    list_per_page = 50
    search_fields = ["user__email", "ip"]
    ordering = ["-last_seen_at"]
    actions = ["end"]
    fields = ["user", "device", "user_agent", "ip", "created_at", "last_seen_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserSession]:
        """Those that still open a door: rows of ended sessions stay until somebody looks."""
        live = Session.objects.filter(
            session_key=OuterRef("session_key"), expire_date__gt=timezone.now()
        )
        return super().get_queryset(request).filter(Exists(live))

    @admin.display(description=_("signed in"), ordering="created_at")
    def began(self, session: UserSession) -> str:
        return short_time(session.created_at)

    @admin.display(description=_("last seen"), ordering="last_seen_at")
    def seen(self, session: UserSession) -> str:
        return short_time(session.last_seen_at)

    @admin.display(description=_("browser"))
    def device(self, session: UserSession) -> str:
        return describe(session.user_agent)

    @admin.action(permissions=["act"], description=_("End the selected sessions"))
    def end(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        rows = queryset if is_superuser(request) else queryset.filter(user__is_superuser=False)
        ended = list(rows.select_related("user")[:MAX_AT_ONCE])
        note(request, [session.user for session in ended], str(_("Session ended.")))
        for session in ended:
            session.end()
        told = ngettext("%(count)d session ended.", "%(count)d sessions ended.", len(ended))
        level = messages.SUCCESS if ended else messages.WARNING
        self.message_user(request, told % {"count": len(ended)}, level)
