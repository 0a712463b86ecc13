"""Webhooks and what they were told: to look at, to send again, to switch off."""

from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from images.admin.filters import OwnerFilter
from images.admin.lists import BoundedList, BoundedPaginator, short_time
from images.admin.readonly import ReadOnlyAdmin
from images.admin.search import find_webhooks
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.services.errors import ServiceError
from images.services.webhooks import resend, switch_off

Row = TypeVar("Row", bound=Model)

# Each is written on its own, and whoever asked is waiting.
MAX_AT_ONCE = 500


def host_of(endpoint: WebhookEndpoint) -> str:
    """The path is left out: at many services it is the password."""
    return urlsplit(endpoint.url).netloc


class _NewestFirst(ReadOnlyAdmin[Row], Generic[Row]):
    """What both have: newest first, bounded, with a search for people and identifiers."""

    list_select_related = []
    list_per_page = 50
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    search_fields = ["id"]  # only says that there is a search; see get_search_results
    search_help_text = _("An e-mail address, or a whole identifier")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        return find_webhooks(queryset, search_term), False

    @admin.display(description=_("created"))
    def made(self, row: Any) -> str:
        return short_time(row.created_at)


class SwitchedOnFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("on", _("On")), ("failing", _("Failing")), ("off", _("Switched off"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "on":
                return queryset.filter(disabled_at=None)
            case "failing":
                return queryset.exclude(failing_since=None)
            case "off":
                return queryset.exclude(disabled_at=None)
        return queryset


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(_NewestFirst[WebhookEndpoint]):
    """Never the secret, nor more of the address than its host."""

    list_display = ["host", "owner", "state", "made"]
    list_filter = [SwitchedOnFilter, OwnerFilter]
    actions = ["switch_off"]
    fields = ["host", "owner", "events", "state", "created_at", "failing_since", "disabled_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """Not joined, for the reason that the list of pictures has."""
        return super().get_queryset(request).prefetch_related("owner")

    @admin.display(description=_("server"))
    def host(self, endpoint: WebhookEndpoint) -> str:
        return host_of(endpoint)

    @admin.display(description=_("state"))
    def state(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.disabled_at:
            return _now("given up") if endpoint.failing_since else _now("off")
        return _now("failing") if endpoint.failing_since else _now("on")

    @admin.action(permissions=["act"], description=_("Switch the selected webhooks off"))
    def switch_off(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        chosen = list(queryset.filter(disabled_at=None)[:MAX_AT_ONCE])
        ended = [endpoint for endpoint in chosen if switch_off(endpoint=endpoint)]
        self.note(request, ended, _now("Switched off."))
        told = ngettext(
            "%(count)d webhook is switched off.", "%(count)d webhooks are switched off.", len(ended)
        )
        level = messages.SUCCESS if ended else messages.WARNING
        self.message_user(request, told % {"count": len(ended)}, level)


class DeliveryStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(_NewestFirst[WebhookDelivery]):
    """Without what they say: that is for their owner."""

    list_display = ["event", "server", "status", "answer", "made"]
    list_filter = [DeliveryStateFilter, OwnerFilter]
    actions = ["send_again"]
    fields = [
        *("event", "webhook", "owner", "status", "answer", "attempts", "failures"),
        *("created_at", "not_before", "finished_at", "worker"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        rows = super().get_queryset(request).defer("payload")
        return rows.prefetch_related("endpoint", "owner")

    @admin.display(description=_("server"))
    def server(self, delivery: WebhookDelivery) -> SafeString:
        host = host_of(delivery.endpoint)
        return format_html('{}<span class="owner">{}</span>', host, delivery.owner)

    @admin.display(description=_("webhook"))
    def webhook(self, delivery: WebhookDelivery) -> SafeString:
        address = reverse("admin:images_webhookendpoint_change", args=[delivery.endpoint_id])
        return format_html('<a href="{}">{}</a>', address, host_of(delivery.endpoint))

    @admin.display(description=_("answer"))
    def answer(self, delivery: WebhookDelivery) -> str:
        return delivery.error_message or str(delivery.response_status or "–")

    @admin.action(permissions=["act"], description=_("Send the selected messages again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Those that have ended, to webhooks that are switched on."""
        chosen = list(queryset[:MAX_AT_ONCE])
        sent = [delivery for delivery in chosen if _resent(delivery)]
        self.note(request, sent, _now("Sent again."))
        told = ngettext(
            "%(count)d message is sent again.", "%(count)d messages are sent again.", len(sent)
        ) % {"count": len(sent)}
        if left := len(chosen) - len(sent):
            told += " " + ngettext(
                "%(count)d was left as it is: it is on its way, or its webhook is switched off.",
                "%(count)d were left as they are: on their way, or their webhook is switched off.",
                left,
            ) % {"count": left}
        self.message_user(request, told, messages.SUCCESS if sent else messages.WARNING)


def _resent(delivery: WebhookDelivery) -> bool:
    try:
        resend(delivery=delivery)
    except ServiceError:
        return False
    return True
