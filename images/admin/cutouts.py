"""Cutouts in the admin site: what became of them, and another try."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from images.admin.readonly import ReadOnlyAdmin
from images.models import Cutout, Status
from images.services.cutouts import retry_cutout
from images.services.errors import NotNow, ServiceError, WrongState
from images.services.renditions import get_rendition
from images.serving import serve_file
from processing.errors import ProcessingError
from processing.spec import THUMBNAIL


class ErrorFilter(admin.SimpleListFilter):
    """By error code; those without one have no link of their own, which would be empty."""

    title = _("error")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Cutout.objects.exclude(error_code="").order_by("error_code")
        return [(code, code) for code in codes.values_list("error_code", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Cutout]) -> QuerySet[Cutout]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


@admin.register(Cutout)
class CutoutAdmin(ReadOnlyAdmin[Cutout]):
    list_display = [
        "id",
        "image",
        "owner",
        "engine",
        "status",
        "lane",
        "error_code",
        "duration",
        "queued_at",
        "finished_at",
    ]
    list_filter = ["status", ErrorFilter, "engine", "lane", "created_at"]
    list_select_related = ["image", "owner"]
    search_fields = ["=id", "image__original_name", "owner__email"]
    show_full_result_count = False
    actions = ["retry"]

    # Files by their names: nothing serves them to administrators, and a link would lead nowhere.
    fields = [
        {"matte": "matte_name", "edges": "edges_name"}.get(field.name, field.name)
        for field in Cutout._meta.fields
    ]

    @admin.display(description=_("matte"))
    def matte_name(self, cutout: Cutout) -> str:
        return cutout.matte.name or "–"

    @admin.display(description=_("edge colours"))
    def edges_name(self, cutout: Cutout) -> str:
        return cutout.edges.name or "–"

    @admin.display(description=_("took"))
    def duration(self, cutout: Cutout) -> str:
        return "–" if cutout.duration_ms is None else f"{cutout.duration_ms} ms"

    @admin.action(permissions=["act"], description=_("Try the selected failed cutouts again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Cutout]) -> None:
        count = 0
        for cutout in queryset.filter(status=Status.FAILED):
            try:
                retry_cutout(cutout=cutout)
            except WrongState:
                continue
            count += 1
        told = ngettext(
            "%(count)d cutout is queued again.", "%(count)d cutouts are queued again.", count
        )
        self.message_user(request, told % {"count": count}, messages.SUCCESS)

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
