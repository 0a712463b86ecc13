"""Lists are pages behind cursors: steady while rows are added, and quick however deep."""

from datetime import UTC, datetime
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from images.services.render_specs import is_storable


class ByText(CursorPagination):
    """To be given an `ordering` by a column of text."""

    page_size = 200
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """PostgreSQL takes no NUL in text, nor what is half a character."""
        cursor: Any = super().decode_cursor(request)
        if cursor is not None and not is_storable(cursor.position or ""):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class NewestFirst(CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """With its moment in UTC: PostgreSQL refuses offsets that Python reads."""
        cursor: Any = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        try:
            moment = datetime.fromisoformat(str(cursor.position)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise NotFound(self.invalid_cursor_message) from error
        return cursor._replace(position=str(moment))
