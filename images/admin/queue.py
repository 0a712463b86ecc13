"""The queue at a glance, above the list of workers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from images.admin.readonly import ReadOnlyAdmin
from images.models import Cutout, Lane, WorkerProcess
from images.queue.report import report_queue


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin[WorkerProcess]):
    list_display = ["host", "pid", "warm", "problem", "started_at", "seen_at", "holds"]
    list_display_links = None
    show_full_result_count = False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        report = report_queue(Cutout)
        context = {
            "title": _("Queue and workers"),
            "report": report,
            "depth": [(Lane(lane).label, count) for lane, count in report.depth.items()],
        }
        return super().changelist_view(request, (extra_context or {}) | context)

    @admin.display(description=_("works on"))
    def holds(self, worker: WorkerProcess) -> str:
        rows = Cutout.objects.filter(worker=worker.pk, status="running").values_list(
            "pk", flat=True
        )
        return ", ".join(str(pk) for pk in rows) or "–"
