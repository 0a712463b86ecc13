"""The queue at a glance, above the list of workers."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from images.admin.dashboard import state_of
from images.admin.readonly import ReadOnlyAdmin
from images.models import Cutout, Lane, LeasedRow, WorkerProcess
from images.queue.report import report_queue

HELD_SHOWN = 20


class QueueList(ChangeList):
    """Workers together with the report, which knows what each of them holds."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.report = report_queue(Cutout)
        self.depth = [(Lane(lane).label, count) for lane, count in self.report.depth.items()]
        for worker in self.result_list:
            vars(worker)["held"] = self.report.held_by(worker)


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin[WorkerProcess]):
    list_display = ["host", "pid", "state", "problem", "started_at", "seen_at", "holds"]
    list_display_links = None
    show_full_result_count = False
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": _("Queue and workers")}
        return super().changelist_view(request, (extra_context or {}) | title)

    @admin.display(description=_("state"))
    def state(self, worker: WorkerProcess) -> SafeString:
        kind, label = state_of(worker)
        return format_html('<span class="board-state is-{}">{}</span>', kind, label)

    @admin.display(description=_("works on"))
    def holds(self, worker: WorkerProcess) -> SafeString | str:
        held = vars(worker)["held"][:HELD_SHOWN]
        return format_html_join(", ", "{}", ((_link_to(row),) for row in held)) or "–"


def _link_to(row: LeasedRow) -> SafeString:
    """Whoever may not see cutouts finds a closed door there."""
    began = row.started_at or timezone.now()
    return format_html(
        '<a href="{}">{}</a> ({} s)',
        reverse("admin:images_cutout_change", args=[row.pk]),
        row,
        int((timezone.now() - began).total_seconds()),
    )
