"""Pictures in the admin site."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from images.admin.filters import OwnerFilter, StateFilter, TrashFilter
from images.admin.lists import BoundedList, BoundedPaginator, short_time
from images.admin.readonly import ReadOnlyAdmin
from images.admin.search import find_images
from images.models import Image
from images.models.image import ImageQuerySet
from images.services.trash import move_to_trash, purge, restore

# Of so many at once each gets a line of its own among the recent actions.
MAX_NOTED = 500
NAMES_SHOWN = 100


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin[Image]):
    list_display = [
        "thumbnail",
        "named",
        "size",
        "state",
        "uploaded",
        "in_trash",
    ]
    list_display_links = ["thumbnail", "named"]
    list_select_related = ["current_cutout", "latest_cutout"]
    list_filter = [StateFilter, "created_at", TrashFilter, OwnerFilter]
    list_per_page = 50
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    search_fields = ["id"]  # only says that there is a search; see get_search_results
    search_help_text = _("Part of a name, an e-mail address, or a whole identifier or SHA-256")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ["trash", "restore"]
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
        "original_deleted_at",
        "deleted_at",
        "current_cutout",
        "latest_cutout",
        "all_cutouts",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        """Owners with a query of their own: joined, a database that has statistics may begin with
        them, and sort all pictures to show fifty.
        """
        return super().get_queryset(request).prefetch_related("owner")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Image], search_term: str
    ) -> tuple[QuerySet[Image], bool]:
        return find_images(queryset, search_term), False

    @admin.display(description=_("cutout"))
    def thumbnail(self, image: Image) -> SafeString | str:
        if image.current_cutout_id is None:
            return "–"
        address = reverse("admin:images_cutout_thumbnail", args=[image.current_cutout_id])
        return format_html(
            '<img class="thumbnail" src="{}" alt="{}" loading="lazy">', address, image.display_name
        )

    @admin.display(description=_("picture"))
    def named(self, image: Image) -> SafeString:
        return format_html('{}<span class="owner">{}</span>', image.display_name, image.owner)

    @admin.display(description=_("all cutouts"))
    def all_cutouts(self, image: Image) -> SafeString:
        address = reverse("admin:images_cutout_changelist")
        return format_html('<a href="{}?q={}">{}</a>', address, image.pk, _("Show them"))

    @admin.display(description=_("size"))
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}, {filesizeformat(image.byte_size)}"

    @admin.display(description=_("uploaded"))
    def uploaded(self, image: Image) -> str:
        return short_time(image.created_at)

    @admin.display(description=_("in the trash"))
    def in_trash(self, image: Image) -> str:
        return short_time(image.deleted_at)

    @admin.display(description=_("state"))
    def state(self, image: Image) -> SafeString | str:
        cutout = image.shown_cutout
        if cutout is None:
            return "–"
        return format_html(
            '<span class="board-state is-{}">{}</span>', cutout.status, cutout.get_status_display()
        )

    @admin.action(permissions=["act"], description=_("Move the selected pictures to the trash"))
    def trash(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        fit = queryset.filter(deleted_at=None)
        rows = list(fit[:MAX_NOTED])
        count = move_to_trash(images=cast("ImageQuerySet", fit))
        told = ngettext(
            "%(count)d picture is in the trash now.",
            "%(count)d pictures are in the trash now.",
            count,
        )
        self._tell(request, rows, told % {"count": count}, _("Moved to the trash."))

    @admin.action(permissions=["act"], description=_("Restore the selected pictures"))
    def restore(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        fit = cast("ImageQuerySet", queryset).in_trash()
        rows = list(fit[:MAX_NOTED])
        count = restore(images=fit)
        told = ngettext("%(count)d picture is restored.", "%(count)d pictures are restored.", count)
        self._tell(request, rows, told % {"count": count}, _("Restored."))

    def _tell(self, request: HttpRequest, rows: list[Image], told: str, noted: Any) -> None:
        self.note(request, rows, str(noted))
        self.message_user(request, told, messages.SUCCESS if rows else messages.WARNING)

    def has_delete_permission(self, request: HttpRequest, obj: Image | None = None) -> bool:
        return self._may(request, "delete")

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        """As any other picture goes for good: tags that only it had go along."""
        purge(images=Image.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        purge(images=cast("ImageQuerySet", queryset))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What hangs on a picture goes with it; listing it all would only be slow."""
        names = [str(row) for row in objs[:NAMES_SHOWN]]
        return names, {str(self.opts.verbose_name_plural): len(objs)}, set(), []
