"""Who did what in the admin site."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin.filters import PersonFilter
from accounts.admin.readonly import ReadOnlyAdmin, short_time


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin[LogEntry]):
    list_display = ["when", "user", "what", "content_type", "said"]
    list_select_related = ["user", "content_type"]
    list_filter = ["action_flag", "action_time", PersonFilter]
    list_per_page = 50
    search_fields = ["user__email", "object_repr"]
    ordering = ["-action_time", "-id"]
    fields = ["action_time", "user", "content_type", "what", "said"]

    @admin.display(description=_("when"), ordering="action_time")
    def when(self, entry: LogEntry) -> str:
        return short_time(entry.action_time)

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> SafeString | str:
        address = None if entry.is_deletion() else entry.get_admin_url()
        if address is None:
            return entry.object_repr
        return format_html('<a href="{}">{}</a>', address, entry.object_repr)

    @admin.display(description=_("done"))
    def said(self, entry: LogEntry) -> str:
        return entry.get_change_message() or entry.get_action_flag_display()
