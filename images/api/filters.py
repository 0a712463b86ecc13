"""How lists of pictures can be narrowed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import django_filters as filters
from django import forms
from django.db.models import Q
from rest_framework.exceptions import ValidationError

from images.models import Image, Status
from images.models.image import ImageQuerySet
from images.models.tag import folded
from images.services.tags import MAX_TAG_SENT

if TYPE_CHECKING:
    from accounts.models import User

Filter = Mapping[str, Any]

# As long as the longest name; SQLite refuses to look for very much more.
MAX_SEARCH_LENGTH = 255


class MomentFilter(filters.IsoDateTimeFilter):
    """In UTC: PostgreSQL refuses offsets that Python reads. OverflowError outside the calendar."""

    def filter(self, images: ImageQuerySet, value: datetime | None) -> ImageQuerySet:
        return super().filter(images, value.astimezone(UTC) if value else value)


class YesOrNoField(forms.Field):
    """Words that mean neither are refused: with the field of Django they would list everything."""

    words: ClassVar = {"": None, "true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: str | None) -> bool | None:
        try:
            return self.words[(value or "").lower()]
        except KeyError:
            raise forms.ValidationError("Say true or false, or 1 or 0.", code="invalid") from None


class YesOrNoFilter(filters.BooleanFilter):
    field_class = YesOrNoField


class ImageFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Status.choices, method="by_status")
    engine = filters.CharFilter(field_name="latest_cutout__engine")
    tag = filters.CharFilter(
        method="by_tag", max_length=MAX_TAG_SENT, label="Name of a tag, in any case"
    )
    batch = filters.UUIDFilter(field_name="batch_id")
    favourite = YesOrNoFilter()
    needs_look = YesOrNoFilter(
        method="by_doubt", label="Whether somebody should look at the cutout that is shown"
    )
    search = filters.CharFilter(
        method="by_text", max_length=MAX_SEARCH_LENGTH, label="Part of the title or file name"
    )
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    trash = YesOrNoFilter(method="unchanged", label="1: those in the trash instead")

    class Meta:
        model = Image
        fields: list[str] = []

    def by_status(self, images: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return images.in_status(value)

    def by_doubt(self, images: ImageQuerySet, name: str, value: bool) -> ImageQuerySet:
        """By the cutout that is shown. Where there is none yet, nobody has to look."""
        doubtful = Q(current_cutout__needs_look=True)
        return images.filter(doubtful) if value else images.exclude(doubtful)

    def by_tag(self, images: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return images.filter(tags__folded=folded(value))

    def by_text(self, images: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        return images.search(value)

    def unchanged(self, images: ImageQuerySet, name: str, value: bool) -> ImageQuerySet:
        """The view has decided: a list without this parameter must leave the trash out."""
        return images


def chosen_images(*, owner: "User", ids: Sequence[UUID] | None, wanted: Filter) -> ImageQuerySet:
    """Own pictures by identifier, those in the trash too, or else by what filters lists.

    wanted: the parameters of a list as values, not as text.
    """
    images = Image.objects.visible_to(owner)
    if ids is not None:
        return images.filter(pk__in=ids)
    images = images.in_trash() if wanted.get("trash") else images.kept()
    found = ImageFilter({name: _as_text(value) for name, value in wanted.items()}, queryset=images)
    if not found.is_valid():
        raise ValidationError({"filter": found.errors})
    return found.qs


def _as_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
    return str(value)
