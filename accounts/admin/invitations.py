"""Invitations: to look at and to revoke. The page of invitations makes them."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.filters import UsableFilter, state_of
from accounts.admin.readonly import ReadOnlyAdmin, note, short_time
from accounts.models import Invitation
from accounts.services import invitations

MAX_AT_ONCE = 500


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin[Invitation]):
    list_display = ["whom", "state", "invited_by", "made", "ends", "used_by", "sent"]
    list_select_related = ["invited_by", "used_by"]
    list_filter = [UsableFilter]
    list_per_page = 50
    search_fields = ["email", "invited_by__email", "used_by__email"]
    actions = ["revoke"]
    fields = [
        "email",
        "state",
        "invited_by",
        "created_at",
        "expires_at",
        "sent_at",
        "used_at",
        "used_by",
        "revoked_at",
    ]

    @admin.display(description=_("created"), ordering="created_at")
    def made(self, invitation: Invitation) -> str:
        return short_time(invitation.created_at)

    @admin.display(description=_("expires"), ordering="expires_at")
    def ends(self, invitation: Invitation) -> str:
        return short_time(invitation.expires_at)

    @admin.display(description=_("sent by e-mail"), ordering="sent_at")
    def sent(self, invitation: Invitation) -> str:
        return short_time(invitation.sent_at)

    @admin.display(description=_("for"))
    def whom(self, invitation: Invitation) -> str:
        return invitation.email or str(_("whoever has the link"))

    @admin.display(description=_("state"))
    def state(self, invitation: Invitation) -> str:
        return state_of(
            used=bool(invitation.used_at),
            revoked=bool(invitation.revoked_at),
            expires_at=invitation.expires_at,
        )

    @admin.action(permissions=["act"], description=_("Revoke the selected invitations"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        chosen = list(queryset[:MAX_AT_ONCE])
        ended = [row for row in chosen if invitations.revoke(invitation=row)]
        note(request, ended, str(_("Revoked.")))
        told = ngettext(
            "%(count)d invitation is revoked.", "%(count)d invitations are revoked.", len(ended)
        )
        level = messages.SUCCESS if ended else messages.WARNING
        self.message_user(request, told % {"count": len(ended)}, level)
