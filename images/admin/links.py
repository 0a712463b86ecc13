"""Public addresses: whoever has one sees a picture without an account. To look at and to revoke."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from images.admin.filters import OwnerFilter, UsableFilter
from images.admin.lists import BoundedList, BoundedPaginator, short_time
from images.admin.readonly import ReadOnlyAdmin
from images.admin.search import find_links
from images.models import ShareLink
from images.services.sharing import revoke_link

# Each is written on its own, and whoever asked is waiting.
MAX_AT_ONCE = 500


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnlyAdmin[ShareLink]):
    """Never the address itself: only the hash of its secret is stored."""

    list_display = ["picture", "output", "state", "made", "ends"]
    list_select_related = []
    list_filter = [UsableFilter, OwnerFilter]
    list_per_page = 50
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    search_fields = ["id"]  # only says that there is a search; see get_search_results
    search_help_text = _("Part of a name, an e-mail address, or a whole identifier")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ["revoke"]
    fields = ["cutout_of", "owner", "output", "state", "created_at", "expires_at", "revoked_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShareLink]:
        """Not joined, for the reason that the list of pictures has."""
        return super().get_queryset(request).prefetch_related("cutout__image", "owner")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ShareLink], search_term: str
    ) -> tuple[QuerySet[ShareLink], bool]:
        return find_links(queryset, search_term), False

    @admin.display(description=_("picture"))
    def picture(self, link: ShareLink) -> SafeString:
        name = link.cutout.image.display_name
        return format_html('{}<span class="owner">{}</span>', name, link.owner)

    @admin.display(description=_("cutout"))
    def cutout_of(self, link: ShareLink) -> SafeString:
        address = reverse("admin:images_cutout_change", args=[link.cutout_id])
        return format_html('<a href="{}">{}</a>', address, link.cutout.image.display_name)

    @admin.display(description=_("output"))
    def output(self, link: ShareLink) -> str:
        return link.spec or _now("as it is")

    @admin.display(description=_("state"))
    def state(self, link: ShareLink) -> str:
        if link.revoked_at:
            return _now("revoked")
        if link.expires_at and link.expires_at <= timezone.now():
            return _now("expired")
        if link.cutout.image.deleted_at or not link.owner.is_active:
            return _now("closed: the picture is in the trash, or its owner is switched off")
        return _now("open")

    @admin.display(description=_("created"))
    def made(self, link: ShareLink) -> str:
        return short_time(link.created_at)

    @admin.display(description=_("expires"))
    def ends(self, link: ShareLink) -> str:
        return short_time(link.expires_at)

    @admin.action(permissions=["act"], description=_("Revoke the selected public addresses"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        chosen = list(queryset.filter(revoked_at=None)[:MAX_AT_ONCE])
        ended = [link for link in chosen if revoke_link(link=link)]
        self.note(request, ended, _now("Revoked."))
        told = ngettext(
            "%(count)d public address is revoked.",
            "%(count)d public addresses are revoked.",
            len(ended),
        )
        level = messages.SUCCESS if ended else messages.WARNING
        self.message_user(request, told % {"count": len(ended)}, level)
