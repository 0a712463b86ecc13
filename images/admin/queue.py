"""The queue at a glance, above the list of workers."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from images.admin.readonly import ReadOnlyAdmin
from images.models import Cutout, Lane, WorkerProcess
from images.queue.report import report_queue


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
    list_display = ["host", "pid", "warm", "problem", "started_at", "seen_at", "holds"]
    list_display_links = None
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": _("Queue and workers")}
        return super().changelist_view(request, (extra_context or {}) | title)

    @admin.display(description=_("works on"))
    def holds(self, worker: WorkerProcess) -> str:
        return ", ".join(str(row.pk) for row in vars(worker)["held"]) or "–"
