"""The decisions about this installation: one row, one form, for superusers."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.readonly import is_superuser
from accounts.models import Signup, SiteSettings


@admin.register(SiteSettings)
class SiteSettingsAdmin(admin.ModelAdmin[SiteSettings]):
    """Never the code of the first run."""

    fields = ["signup", "in_effect", "terms", "privacy"]
    readonly_fields = ["in_effect"]

    @admin.display(description=_("In effect"))
    def in_effect(self, row: SiteSettings) -> str:
        if not settings.SIGNUP:
            return gettext("As chosen above.")
        return gettext(
            "The environment says SIGNUP=%(value)s (“%(meaning)s”), and that counts."
        ) % {
            "value": settings.SIGNUP,
            "meaning": Signup(settings.SIGNUP).label,
        }

    def get_readonly_fields(
        self, request: HttpRequest, obj: SiteSettings | None = None
    ) -> list[str]:
        return [*self.readonly_fields, "signup"] if settings.SIGNUP else list(self.readonly_fields)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is one row, so there is no list."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        row, _made = SiteSettings.objects.get_or_create(pk=SiteSettings.PK)
        return redirect("admin:accounts_sitesettings_change", row.pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One heading is enough: the only row has no name of its own."""
        return super().render_change_form(request, context | {"subtitle": None}, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: SiteSettings) -> HttpResponse:
        self.message_user(request, gettext("The settings are saved."), messages.SUCCESS)
        return self.response_post_save_change(request, obj)

    def response_post_save_change(
        self, request: HttpRequest, obj: SiteSettings
    ) -> HttpResponseRedirect:
        return redirect("admin:index")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return False
