"""Accounts in the admin site. Keys are never shown: they are not even stored."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, User

admin.site.unregister(Group)


class UserCreation(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email",)
        field_classes = {"email": forms.EmailField}


class UserChange(UserChangeForm[User]):
    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"email": forms.EmailField}


@admin.register(User)
class UserAdmin(BaseUserAdmin[User]):
    form = UserChange
    add_form = UserCreation
    list_display = ["email", "name", "is_active", "is_staff", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name"]
    ordering = ["-date_joined"]
    filter_horizontal = ["user_permissions"]
    readonly_fields = ["date_joined", "last_login"]
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            _("May"),
            {
                "description": _(
                    "An administrator sees and does here what the permissions say. "
                    "A superuser may do everything."
                ),
                "fields": ("is_active", "is_staff", "is_superuser", "user_permissions"),
            },
        ),
        (_("Dates"), {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "usable_password", "password1", "password2"),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Only superusers give rights: others could give them to themselves."""
        rights = [] if _is_superuser(request) else ["is_staff", "is_superuser", "user_permissions"]
        return [*self.readonly_fields, *rights]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_in_reach(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Everything of a person goes with the account; listing it all would only be slow."""
        names = [str(row) for row in objs]
        out_of_reach = [row for row in objs if not self.has_delete_permission(request, row)]
        needed = {str(self.opts.verbose_name)} if out_of_reach else set()
        return names, {str(self.opts.verbose_name_plural): len(names)}, needed, []


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_superuser


def _is_in_reach(request: HttpRequest, user: User | None) -> bool:
    """Who could change a superuser's address or password would be one."""
    return user is None or not user.is_superuser or _is_superuser(request)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    list_display = [
        "name",
        "user",
        "prefix",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    ]
    list_select_related = ["user"]
    search_fields = ["name", "user__email", "prefix"]
    list_filter = ["revoked_at", "expires_at"]
    actions = ["revoke"]
    fields = ["name", "user", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"]
    readonly_fields = ["user", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    @admin.action(permissions=["change"], description=_("Revoke the selected tokens"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            token.revoke()
