"""Rows that only services may write."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

Row = TypeVar("Row", bound=Model)

# What Django's filters of fields write into addresses.
COMPARISONS = {"exact", "in", "isnull", "gte", "gt", "lte", "lt"}


class SteadyAdmin(admin.ModelAdmin[Row], Generic[Row]):
    """Actions on identifiers that are none change nothing, where Django's own raise, and addresses
    ask for nothing that the filters do not offer.
    """

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Row], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        across = request.POST.get("select_across") == "1"
        for pk in request.POST.getlist(ACTION_CHECKBOX_NAME) if not across else []:
            try:
                self.opts.pk.to_python(pk)
            except ValidationError:
                self.message_user(request, _("There is no such row."), messages.WARNING)
                return None
        return super().response_action(request, queryset, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the filters offer, and the identifier. Django's own allows every field of the row,
        and who may ask how a secret begins has read it soon.
        """
        names = {self.opts.pk.name, "pk", *map(_parameter_of, self.list_filter)}
        name, _separator, comparison = lookup.rpartition("__")
        return lookup in names or (name in names and comparison in COMPARISONS)


class ReadOnlyAdmin(SteadyAdmin[Row], Generic[Row]):
    """To look at: editing by hand would corrupt what files and workers rely on.

    Actions that call a service ask for the permission "act": it is the model's own permission to
    change rows, which the forms never use.
    """

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "change")

    def note(self, request: HttpRequest, rows: Sequence[Row], message: str) -> None:
        """Write down that whoever asks did this with `rows`, as the site's own forms do."""
        if rows:
            LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, message)  # type: ignore[arg-type]

    def _may(self, request: HttpRequest, verb: str) -> bool:
        name = get_permission_codename(verb, self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{name}")


def _parameter_of(list_filter: Any) -> str:
    """The name of a field, or what a filter of our own reads from the address."""
    return list_filter if isinstance(list_filter, str) else str(list_filter.parameter_name)
