"""What lists about people can be narrowed to."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User

Rows = QuerySet[Any]
Choices = list[tuple[str, Any]]


class PersonFilter(admin.SimpleListFilter):
    """Comes with a link from a person; there is no list of all people to choose from."""

    title = _("person")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        pk = _read_uuid(self.used_parameters.get(self.parameter_name))
        person = User.objects.filter(pk=pk).first() if pk else None
        return [(str(person.pk), str(person))] if person else []

    def has_output(self) -> bool:
        return bool(self.value())

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if not self.value():
            return queryset
        pk = _read_uuid(self.value())
        return queryset.filter(user=pk) if pk else queryset.none()


class SecondFactorFilter(admin.SimpleListFilter):
    title = _("second factor")
    parameter_name = "factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(has_factor=self.value() == "yes")


class UsableFilter(admin.SimpleListFilter):
    """For keys and invitations, whose QuerySets know what is usable."""

    title = _("usable")
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        usable = queryset.model.objects.usable().values("pk")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=usable)
            case "no":
                return queryset.exclude(pk__in=usable)
        return queryset


def state_of(*, used: bool, revoked: bool, expires_at: Any) -> str:
    """In one word why something cannot be used any more, or that it can."""
    if revoked:
        return str(_("revoked"))
    if used:
        return str(_("used"))
    if expires_at is not None and expires_at <= timezone.now():
        return str(_("expired"))
    return str(_("usable"))


def _read_uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
