"""What lists can be narrowed to, without reading whole tables for the choices."""

from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from images.admin.codes import meaning_of
from images.admin.lists import read_uuid
from images.models import Cutout, ShareLink, Status
from images.models.image import ImageQuerySet
from images.models.share import ShareLinkQuerySet
from images.services.engines import offered_engines

Rows = QuerySet[Any]
Choices = list[tuple[str, Any]]


class OwnerFilter(admin.SimpleListFilter):
    """Comes with a link from a person; there is no list of all people to choose from."""

    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        pk = read_uuid(self.used_parameters.get(self.parameter_name) or "")
        person = get_user_model()._default_manager.filter(pk=pk).first() if pk else None
        return [(str(person.pk), str(person))] if person else []

    def has_output(self) -> bool:
        return bool(self.value())

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if not self.value():
            return queryset
        pk = read_uuid(self.value() or "")
        return queryset.filter(owner=pk) if pk else queryset.none()


class UsableFilter(admin.SimpleListFilter):
    """For public addresses, whose QuerySet knows which of them open."""

    title = _("usable")
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "yes":
                return cast("ShareLinkQuerySet", queryset).usable()
            case "no":
                return queryset.exclude(pk__in=ShareLink.objects.usable().values("pk"))
        return queryset


class ErrorFilter(admin.SimpleListFilter):
    title = _("error")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Those that there are: read from an index that is as long as the list of failures."""
        codes = Cutout.objects.filter(error_code__gt="").order_by("error_code")
        found = codes.values_list("error_code", flat=True).distinct()
        return [(code, capfirst(str(meaning_of(code)))) for code in found]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class EngineFilter(admin.SimpleListFilter):
    title = _("engine")
    parameter_name = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Those that people may choose, and whichever is in the address."""
        names = {info.name: info.label for info in offered_engines()}
        chosen = self.value()
        return list((names if not chosen or chosen in names else names | {chosen: chosen}).items())

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(engine=self.value()) if self.value() else queryset


class FinishedFilter(admin.SimpleListFilter):
    title = _("finished")
    parameter_name = "finished"
    spans = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("hour", _("In the last hour")),
            ("day", _("In the last 24 hours")),
            ("week", _("In the last 7 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        span = self.spans.get(self.value() or "")
        return queryset.filter(finished_at__gte=timezone.now() - span) if span else queryset


class LookFilter(admin.SimpleListFilter):
    """Only what needs a look can be chosen: it has an index, and the rest is nearly everything."""

    title = _("needs a look")
    parameter_name = "needs_look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", _("Needs a look"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(needs_look=True) if self.value() == "yes" else queryset


class RatingFilter(admin.SimpleListFilter):
    title = _("people's verdict")
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [*Cutout.Rating.choices, ("reason", _("with a reason"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() == "reason":
            return queryset.filter(rated_at__isnull=False).exclude(rating_reason="")
        if self.value() in Cutout.Rating.values:
            return queryset.filter(rated_at__isnull=False, rating=self.value())
        return queryset


class StateFilter(admin.SimpleListFilter):
    """Of a picture, as its owner sees it."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(Status.choices)

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() not in Status.values:
            return queryset
        return cast("ImageQuerySet", queryset).in_status(str(self.value()))


class TrashFilter(admin.SimpleListFilter):
    title = _("trash")
    parameter_name = "trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("no", _("Not in the trash")), ("yes", _("In the trash"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() in ("yes", "no"):
            return queryset.filter(deleted_at__isnull=self.value() == "no")
        return queryset
