"""Pictures in the admin site."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from images.admin.readonly import ReadOnlyAdmin
from images.models import Image
from images.models.image import ImageQuerySet
from images.services.trash import move_to_trash, purge, restore


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin[Image]):
    list_display = [
        "thumbnail",
        "display_name",
        "owner",
        "size",
        "state",
        "created_at",
        "deleted_at",
    ]
    list_display_links = ["thumbnail", "display_name"]
    list_select_related = ["owner", "current_cutout", "latest_cutout"]
    list_filter = ["created_at", "deleted_at", "latest_cutout__status"]
    search_fields = ["title", "original_name", "owner__email", "=sha256"]
    show_full_result_count = False
    actions = ["trash", "restore"]
    date_hierarchy = None
    fields = [
        "thumbnail",
        "id",
        "owner",
        "original_name",
        "title",
        "content_type",
        "width",
        "height",
        "byte_size",
        "sha256",
        "created_at",
        "deleted_at",
        "current_cutout",
        "latest_cutout",
    ]

    @admin.display(description=_("cutout"))
    def thumbnail(self, image: Image) -> SafeString | str:
        if image.current_cutout_id is None:
            return "–"
        address = reverse("admin:images_cutout_thumbnail", args=[image.current_cutout_id])
        return format_html(
            '<img src="{}" width="64" alt="{}" loading="lazy">', address, image.display_name
        )

    @admin.display(description=_("size"))
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}"

    @admin.display(description=_("state"))
    def state(self, image: Image) -> str:
        cutout = image.shown_cutout
        return str(cutout.get_status_display()) if cutout else "–"

    @admin.action(permissions=["act"], description=_("Move the selected pictures to the trash"))
    def trash(self, request: HttpRequest, queryset: Any) -> None:
        move_to_trash(images=queryset)

    @admin.action(permissions=["act"], description=_("Restore the selected pictures"))
    def restore(self, request: HttpRequest, queryset: Any) -> None:
        restore(images=queryset)

    def has_delete_permission(self, request: HttpRequest, obj: Image | None = None) -> bool:
        return self._may(request, "delete")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        purge(images=cast("ImageQuerySet", queryset))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What hangs on a picture goes with it; listing it all would only be slow."""
        names = [str(row) for row in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []
