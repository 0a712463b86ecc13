"""Lists that stay quick with any number of rows."""

from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format

COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than 10,000: whoever has more to look through filters or searches."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: COUNTED + 1].count()) if _is_query(rows) else len(rows)


class BoundedList(ChangeList):
    """Says "more than 10,000" instead of a number that was not counted."""

    @property
    def counted(self) -> str:
        return f"{COUNTED:,}+" if self.result_count > COUNTED else f"{self.result_count:,}"


def short_time(moment: datetime | None) -> str:
    """Narrow enough for a list; the page of the row has it in full."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    this_year = local.year == timezone.localtime().year
    return date_format(local, "j M, H:i" if this_year else "j M Y")


def read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _is_query(rows: Any) -> bool:
    return isinstance(rows, QuerySet)
