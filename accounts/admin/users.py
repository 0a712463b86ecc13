"""Accounts in the admin site: who they are, what they may, and how they get in."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.filters import SecondFactorFilter
from accounts.admin.forms import UserChange, UserCreation
from accounts.admin.readonly import SteadyAdmin, is_superuser, note, short_time
from accounts.admin.sizes import say_size
from accounts.mfa import second_factors
from accounts.models import ApiToken, User
from accounts.services import access
from accounts.services.departure import leave

MAX_AT_ONCE = 500
RIGHTS = ["is_staff", "is_superuser", "user_permissions"]
Link = tuple[str, str]


def _no_annotations() -> dict[str, Any]:
    return {}


@admin.register(User)
class UserAdmin(SteadyAdmin[User], BaseUserAdmin[User]):
    form = UserChange
    add_form = UserCreation
    list_display = [
        "person",
        "seen",
        "ways_in",
        "limits",
    ]
    list_filter = ["is_active", "is_staff", SecondFactorFilter, "last_seen_at", "date_joined"]
    list_per_page = 50
    search_fields = ["email", "name"]
    search_help_text = _("Part of an e-mail address or of a name")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-date_joined"]
    filter_horizontal = ["user_permissions"]
    readonly_fields = ["date_joined", "last_login", "last_seen_at", "second_factor", "shortcuts"]
    actions = ["activate", "deactivate", "sign_out", "remove_second_factor"]
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "second_factor", "shortcuts")}),
        (_("Limits"), {"fields": ("max_images", "max_bytes", "max_cutouts_per_month")}),
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
        (_("Dates"), {"fields": ("date_joined", "last_login", "last_seen_at")}),
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

    # What other rooms know of a person: columns and what these need from the database, links.
    more_columns: Sequence[Callable[[User], Any]] = ()
    more_annotations: Callable[[], dict[str, Any]] = staticmethod(_no_annotations)
    more_links: Callable[[User], list[Link]] = staticmethod(lambda user: [])
    more_losses: Callable[[Sequence[User]], dict[str, Any]] = staticmethod(lambda people: {})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Permissions to what the site shows; those of libraries would open nothing."""
        if db_field.name == "user_permissions":
            shown = {*ContentType.objects.get_for_models(*self.admin_site._registry).values()}
            totals = ContentType.objects.filter(model="dailytotal")
            options["queryset"] = Permission.objects.filter(
                content_type__in=[*shown, *totals]
            ).select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **options)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*self.list_display, *self.more_columns]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With everything that a row of the list shows: no query for each. Without those who
        have left: what is left of them goes with the next sweeps.
        """
        people = super().get_queryset(request).filter(deletion_requested_at=None)
        return people.annotate(**_annotations(), **self.more_annotations())

    @admin.display(description=_("last seen"), ordering="last_seen_at")
    def seen(self, user: User) -> str:
        return short_time(user.last_seen_at)

    @admin.display(description=_("person"), ordering="email")
    def person(self, user: User) -> SafeString:
        marks = [
            format_html(' <span class="board-state is-{}">{}</span>', kind, label)
            for kind, label, shown in (
                ("bad", _("switched off"), not user.is_active),
                ("good", _("administrator"), user.is_staff),
            )
            if shown
        ]
        below = format_html('<span class="owner">{}</span>', user.name) if user.name else ""
        return format_html("{}{}{}", user.email, format_html_join("", "{}", zip(marks)), below)

    @admin.display(description=_("second factor"))
    def second_factor(self, user: User) -> str:
        return str(_("yes")) if vars(user).get("has_factor") else "–"

    @admin.display(description=_("signed in"), ordering="session_count")
    def ways_in(self, user: User) -> SafeString:
        """One column for two things: the list fits beside its filters."""
        count = vars(user).get("session_count", 0)
        told = ngettext("%(count)d session", "%(count)d sessions", count) % {"count": count}
        factor = _("second factor") if vars(user).get("has_factor") else ""
        return format_html('{}<span class="owner">{}</span>', told, factor)

    @admin.display(description=_("limits"))
    def limits(self, user: User) -> str:
        said = [
            _("%(count)s pictures") % {"count": user.max_images}
            if user.max_images is not None
            else "",
            say_size(user.max_bytes) if user.max_bytes is not None else "",
            _("%(count)s a month") % {"count": user.max_cutouts_per_month}
            if user.max_cutouts_per_month is not None
            else "",
        ]
        return ", ".join(filter(None, said)) or "–"

    @admin.display(description=_("see also"))
    def shortcuts(self, user: User) -> SafeString:
        own = [
            (reverse("admin:accounts_apitoken_changelist"), str(_("API tokens"))),
            (reverse("admin:usersessions_usersession_changelist"), str(_("sessions"))),
        ]
        links = [(f"{address}?user={user.pk}", label) for address, label in own]
        return format_html_join(" · ", '<a href="{}">{}</a>', [*self.more_links(user), *links])

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Only superusers give rights: others could give them to themselves. Nobody takes their
        own away: the last one who could give them back would be gone.
        """
        fields = list(self.readonly_fields)
        if not is_superuser(request):
            fields += RIGHTS
        if obj is not None and obj.pk == request.user.pk:
            fields += ["is_active", "is_staff", "is_superuser"]
        return fields

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            access.vouch_for_address(user=obj)
        if change and "is_active" in form.changed_data and not obj.is_active:
            transaction.on_commit(partial(access.end_sessions, users=[obj]))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.pk == request.user.pk:
            return False
        return super().has_delete_permission(request, obj) and _is_in_reach(request, obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """As if they had left themselves, since it is quick with any number of pictures."""
        leave(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            leave(user=user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Everything of a person goes with the account: how much, since listing it all would only
        be slow.
        """
        people = list(objs)
        out_of_reach = [row for row in people if not self.has_delete_permission(request, row)]
        needed = {str(self.opts.verbose_name)} if out_of_reach else set()
        losses = {
            str(self.opts.verbose_name_plural): len(people),
            **self.more_losses(people),
            str(_("API tokens")): ApiToken.objects.filter(user__in=people).count(),
            str(_("sessions")): UserSession.objects.filter(user__in=people).count(),
        }
        return [str(row) for row in people], losses, needed, []

    @admin.action(permissions=["change"], description=_("Activate the selected accounts"))
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = self._reachable(request, queryset.filter(is_active=False))
        count = access.activate(users=rows)
        note(request, rows, str(_("Activated.")))
        told = ngettext("%(count)d account is active.", "%(count)d accounts are active.", count)
        self._tell(request, told, count)

    @admin.action(
        permissions=["change"],
        description=_("Deactivate the selected accounts and sign them out"),
    )
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = self._reachable(request, queryset.filter(is_active=True), not_me=True)
        count = access.deactivate(users=rows)
        note(request, rows, str(_("Deactivated.")))
        told = ngettext(
            "%(count)d account is switched off.", "%(count)d accounts are switched off.", count
        )
        self._tell(request, told, count)

    @admin.action(permissions=["change"], description=_("Sign the selected people out everywhere"))
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = self._reachable(request, queryset)
        count = access.end_sessions(users=rows)
        note(request, rows, str(_("Signed out everywhere.")))
        told = ngettext("%(count)d session ended.", "%(count)d sessions ended.", count)
        self._tell(request, told, count)

    @admin.action(
        permissions=["change"], description=_("Remove the second factor of the selected people")
    )
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = self._reachable(request, queryset.filter(Exists(second_factors(OuterRef("pk")))))
        for user in rows:
            access.remove_second_factors(user=user)
        note(request, rows, str(_("Second factor removed.")))
        told = ngettext(
            "%(count)d person signs in with the password alone now.",
            "%(count)d people sign in with the password alone now.",
            len(rows),
        )
        self._tell(request, told, len(rows))

    def _reachable(
        self, request: HttpRequest, rows: QuerySet[User], *, not_me: bool = False
    ) -> list[User]:
        if not is_superuser(request):
            rows = rows.filter(Q(is_staff=False) | Q(pk=request.user.pk), is_superuser=False)
        if not_me and request.user.pk:
            rows = rows.exclude(pk=request.user.pk)
        return list(rows[:MAX_AT_ONCE])

    def _tell(self, request: HttpRequest, told: str, count: int) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, told % {"count": count}, level)


def _annotations() -> dict[str, Any]:
    sessions = UserSession.objects.filter(user=OuterRef("pk")).order_by().values("user")
    counted = sessions.annotate(count=Count("pk")).values("count")
    return {
        "has_factor": Exists(second_factors(OuterRef("pk"))),
        "session_count": Coalesce(Subquery(counted, output_field=IntegerField()), 0),
    }


def _is_in_reach(request: HttpRequest, user: User | None) -> bool:
    """Who could change the password of another administrator would have their rights: only
    superusers may. Everybody may change ordinary people, and themselves.
    """
    if user is None or is_superuser(request):
        return True
    return not user.is_superuser and (not user.is_staff or user.pk == request.user.pk)
