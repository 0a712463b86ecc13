"""API tokens in the admin site. Keys are never shown: they are not even stored."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.filters import PersonFilter, UsableFilter, state_of
from accounts.admin.readonly import SteadyAdmin, note, short_time
from accounts.models import ApiToken

MAX_AT_ONCE = 500


@admin.register(ApiToken)
class ApiTokenAdmin(SteadyAdmin[ApiToken]):
    list_display = [
        "name",
        "user",
        "prefix",
        "state",
        "made",
        "used",
        "ends",
    ]
    list_select_related = ["user"]
    list_per_page = 50
    search_fields = ["name", "user__email", "prefix"]
    list_filter = [UsableFilter, PersonFilter]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ["revoke"]
    fields = ["name", "user", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"]
    readonly_fields = ["user", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    @admin.display(description=_("created"), ordering="created_at")
    def made(self, token: ApiToken) -> str:
        return short_time(token.created_at)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        return short_time(token.last_used_at)

    @admin.display(description=_("expires"), ordering="expires_at")
    def ends(self, token: ApiToken) -> str:
        return short_time(token.expires_at)

    @admin.display(description=_("state"))
    def state(self, token: ApiToken) -> str:
        return state_of(used=False, revoked=bool(token.revoked_at), expires_at=token.expires_at)

    @admin.action(permissions=["change"], description=_("Revoke the selected tokens"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        rows = list(queryset.filter(revoked_at=None)[:MAX_AT_ONCE])
        for token in rows:
            token.revoke()
        note(request, rows, str(_("Revoked.")))
        told = ngettext("%(count)d token is revoked.", "%(count)d tokens are revoked.", len(rows))
        level = messages.SUCCESS if rows else messages.WARNING
        self.message_user(request, told % {"count": len(rows)}, level)
