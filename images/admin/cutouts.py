"""Cutouts in the admin site: what became of them, and what can be done about it."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from images.admin.codes import meaning_of
from images.admin.filters import (
    EngineFilter,
    ErrorFilter,
    FinishedFilter,
    LookFilter,
    OwnerFilter,
    RatingFilter,
)
from images.admin.lists import BoundedList, BoundedPaginator, short_time
from images.admin.readonly import ReadOnlyAdmin
from images.admin.search import find_cutouts
from images.models import Cutout
from images.models.cutout import CutoutQuerySet
from images.services import operating
from images.services.errors import NotNow, ServiceError
from images.services.operating import Outcome
from images.services.renditions import get_rendition
from images.serving import serve_file
from processing.edges import REASONS
from processing.errors import ProcessingError
from processing.spec import THUMBNAIL

# The sentences of the refusals are for the owner of a picture; these are for administrators.
REFUSALS = {
    "cutout_limit_reached": _("the owner's cutouts of this month are used up"),
    "engine_unavailable": _("the engine cannot be used"),
    "gone": _("the picture was deleted"),
    "in_trash": _("the picture is in the trash"),
    "matte_gone": _("the matte that was sent is not kept any more"),
    "not_newest": _("the picture has a newer cutout"),
    "original_deleted": _("the original was deleted after the time it is kept"),
}
# Of processing.pipeline and images.services.extraction.
STAGES = (
    "decode",
    "prepare",
    "predict",
    "clean",
    "refine",
    "edges",
    "enlarge",
    "measure",
    "store",
)


@admin.register(Cutout)
class CutoutAdmin(ReadOnlyAdmin[Cutout]):
    list_display = [
        "thumbnail_of",
        "picture",
        "state",
        "made_by",
        "sureness",
        "verdict",
        "asked_for",
    ]
    list_display_links = ["thumbnail_of", "picture"]
    list_filter = [
        "status",
        ErrorFilter,
        FinishedFilter,
        EngineFilter,
        LookFilter,
        RatingFilter,
        "lane",
        OwnerFilter,
    ]
    list_select_related = []
    list_per_page = 50
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    search_fields = ["id"]  # only says that there is a search; see get_search_results
    search_help_text = _("Part of a name, an e-mail address, or a whole identifier")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ["retry", "put_back", "cancel"]

    # Files by their names: nothing serves them to administrators, and a link would lead nowhere.
    fieldsets = [
        (
            None,
            {
                "fields": (
                    "thumbnail_of",
                    "image",
                    "owner",
                    "state",
                    "error_message",
                    "made_by",
                    "extract_spec",
                    "verdict",
                    "rated_at",
                )
            },
        ),
        (
            _("Times"),
            {"fields": ("created_at", "queued_at", "started_at", "finished_at", "timings_told")},
        ),
        (
            _("Queue"),
            {
                "fields": (
                    "lane",
                    "worker",
                    "claims",
                    "failures",
                    "not_before",
                    "lease_until",
                    "export_due",
                )
            },
        ),
        (
            _("Result"),
            {
                "fields": (
                    "id",
                    "kind",
                    "answered_by",
                    "confidence",
                    "needs_look",
                    "edges_told",
                    "coverage",
                    "bbox",
                    "matte_name",
                    "edges_name",
                    "result_name",
                )
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cutout]:
        """Not joined, for the reason that the list of pictures has."""
        return super().get_queryset(request).prefetch_related("image", "owner")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Cutout], search_term: str
    ) -> tuple[QuerySet[Cutout], bool]:
        return find_cutouts(queryset, search_term), False

    @admin.display(description=_("cutout"))
    def thumbnail_of(self, cutout: Cutout) -> SafeString | str:
        if not cutout.matte:
            return "–"
        address = reverse("admin:images_cutout_thumbnail", args=[cutout.pk])
        return format_html(
            '<img class="thumbnail" src="{}" alt="{}" loading="lazy">',
            address,
            cutout.image.display_name,
        )

    @admin.display(description=_("picture"))
    def picture(self, cutout: Cutout) -> SafeString:
        return format_html(
            '{}<span class="owner">{}</span>', cutout.image.display_name, cutout.owner
        )

    @admin.display(description=_("state"))
    def state(self, cutout: Cutout) -> SafeString:
        label = format_html(
            '<span class="board-state is-{}">{}</span>', cutout.status, cutout.get_status_display()
        )
        if not cutout.error_code:
            return label
        meaning = meaning_of(cutout.error_code)
        return format_html('{} {}<span class="owner">{}</span>', label, meaning, cutout.error_code)

    @admin.display(description=_("asked for"))
    def asked_for(self, cutout: Cutout) -> str:
        return short_time(cutout.queued_at)

    @admin.display(description=_("verdict"))
    def verdict(self, cutout: Cutout) -> SafeString | str:
        if not cutout.rating:
            return "–"
        label = format_html(
            '<span class="board-state is-{}">{}</span>', cutout.rating, cutout.get_rating_display()
        )
        return format_html("{} {}", label, cutout.rating_reason)

    @admin.display(description=_("confidence"))
    def sureness(self, cutout: Cutout) -> SafeString | str:
        if cutout.confidence is None:
            return "–"
        percent = f"{cutout.confidence:.0%}"
        if not cutout.needs_look:
            return percent
        return format_html(
            '{} <span class="board-state is-warn">{}</span>', percent, _("needs a look")
        )

    @admin.display(description=_("edges"))
    def edges_told(self, cutout: Cutout) -> str:
        return REASONS.get(cutout.refinement, cutout.refinement) or "–"

    @admin.display(description=_("milliseconds per stage"))
    def timings_told(self, cutout: Cutout) -> SafeString | str:
        if not cutout.timings:
            return "–"
        rows = format_html_join(
            "", '<tr><th scope="row">{}</th><td>{}</td></tr>', _in_order(cutout)
        )
        head = format_html(
            '<tr><th scope="col">{}</th><th scope="col">{}</th></tr>', _("Stage"), _("ms")
        )
        return format_html(
            '<table class="board-table is-narrow"><thead>{}</thead><tbody>{}</tbody></table>',
            head,
            rows,
        )

    @admin.display(description=_("matte"))
    def matte_name(self, cutout: Cutout) -> str:
        return cutout.matte.name or "–"

    @admin.display(description=_("edge colours"))
    def edges_name(self, cutout: Cutout) -> str:
        return cutout.edges.name or "–"

    @admin.display(description=_("result"))
    def result_name(self, cutout: Cutout) -> str:
        return cutout.result.name or "–"

    @admin.display(description=_("engine"))
    def made_by(self, cutout: Cutout) -> str:
        took = "" if cutout.duration_ms is None else f", {cutout.duration_ms / 1000:.1f} s"
        by = _("edited by hand") if cutout.kind == Cutout.Kind.EDITED else cutout.engine
        return f"{by}{took}"

    @admin.action(permissions=["act"], description=_("Try the selected failed cutouts again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Cutout]) -> None:
        outcome = operating.retry_many(cutouts=cast("CutoutQuerySet", queryset))
        told = ngettext(
            "%(count)d cutout is queued again.",
            "%(count)d cutouts are queued again.",
            outcome.changed,
        )
        self._tell(request, outcome, told, _("Tried again."))

    @admin.action(
        permissions=["act"],
        description=_("Put the selected cutouts back whose worker is gone, or that wait for later"),
    )
    def put_back(self, request: HttpRequest, queryset: QuerySet[Cutout]) -> None:
        outcome = operating.put_back_many(cutouts=cast("CutoutQuerySet", queryset))
        told = ngettext(
            "%(count)d cutout will be tried soon.",
            "%(count)d cutouts will be tried soon.",
            outcome.changed,
        )
        self._tell(request, outcome, told, _("Put back."))

    @admin.action(permissions=["act"], description=_("Cancel the selected cutouts that wait"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Cutout]) -> None:
        outcome = operating.cancel_many(cutouts=cast("CutoutQuerySet", queryset))
        told = ngettext(
            "%(count)d cutout is cancelled.", "%(count)d cutouts are cancelled.", outcome.changed
        )
        self._tell(request, outcome, told, _("Cancelled."))

    def _tell(self, request: HttpRequest, outcome: Outcome, told: str, noted: Any) -> None:
        """What happened and what did not, to whoever asked; and to the log what was changed."""
        parts = [told % {"count": outcome.changed}]
        if outcome.unfit:
            parts.append(_say_left(outcome.unfit, _("not possible in this state")))
        for code, count in outcome.refused.items():
            parts.append(_say_left(count, REFUSALS.get(code, _("not possible in this state"))))
        if outcome.beyond:
            more = ngettext(
                "%(count)d more was not looked at; do it again for that one.",
                "%(count)d more were not looked at; do it again for them.",
                outcome.beyond,
            )
            parts.append(more % {"count": outcome.beyond})
        self.note(request, outcome.rows, str(noted))
        level = messages.SUCCESS if outcome.changed else messages.WARNING
        self.message_user(request, " ".join(parts), level)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.thumbnail)
        return [
            path("<uuid:cutout_id>/thumbnail/", view, name="images_cutout_thumbnail"),
            *super().get_urls(),
        ]

    def thumbnail(self, request: HttpRequest, cutout_id: UUID) -> HttpResponseBase:
        """Administrators see pictures here only, not through the pages of their owners."""
        if not self.has_view_permission(request):
            raise Http404
        cutout = get_object_or_404(Cutout, pk=cutout_id)
        try:
            rendition = get_rendition(cutout=cutout, spec=THUMBNAIL)
        except NotNow as error:
            headers = {"Retry-After": str(error.retry_after)}
            return HttpResponse(error.message, status=503, headers=headers)
        except (ServiceError, ProcessingError) as error:
            raise Http404 from error
        return serve_file(request, rendition.file, content_type=rendition.content_type)


def _in_order(cutout: Cutout) -> list[tuple[str, Any]]:
    """Stages as they follow one another; PostgreSQL does not keep their order."""
    known = [stage for stage in STAGES if stage in cutout.timings]
    others = sorted(cutout.timings.keys() - known)
    return [(stage, cutout.timings[stage]) for stage in known + others]


def _say_left(count: int, reason: Any) -> str:
    told = ngettext(
        "%(count)d was left as it was: %(reason)s.",
        "%(count)d were left as they were: %(reason)s.",
        count,
    )
    return told % {"count": count, "reason": reason}
