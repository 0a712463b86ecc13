"""Rows that only services may write."""

from typing import Any, Generic, TypeVar

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.db.models import Model
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[Row], Generic[Row]):
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

    def _may(self, request: HttpRequest, verb: str) -> bool:
        name = get_permission_codename(verb, self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{name}")
