"""How lists of pictures can be narrowed."""

from datetime import UTC, datetime

import django_filters as filters

from images.models import Image, Status
from images.models.image import ImageQuerySet


class MomentFilter(filters.IsoDateTimeFilter):
    """In UTC: PostgreSQL refuses offsets that Python reads. OverflowError outside the calendar."""

    def filter(self, images: ImageQuerySet, value: datetime | None) -> ImageQuerySet:
        return super().filter(images, value.astimezone(UTC) if value else value)


class ImageFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Status.choices, method="by_status")
    engine = filters.CharFilter(field_name="latest_cutout__engine")
    favourite = filters.BooleanFilter()
    search = filters.CharFilter(method="by_text", label="Part of the title or file name")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    trash = filters.BooleanFilter(method="unchanged", label="1: those in the trash instead")

    class Meta:
        model = Image
        fields: list[str] = []

    def by_status(self, images: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return images.in_status(value)

    def by_text(self, images: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return images.search(value)

    def unchanged(self, images: ImageQuerySet, name: str, value: bool) -> ImageQuerySet:
        """The view has decided: a list without this parameter must leave the trash out."""
        return images
