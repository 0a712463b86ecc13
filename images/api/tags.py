"""/api/v1/tags/"""

from typing import TYPE_CHECKING, Any, cast

from django.db.models import Count, Q
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from images.api.serializers import TagSerializer
from images.models import Tag
from images.models.tag import TagQuerySet

if TYPE_CHECKING:
    from accounts.models import User

ON_KEPT = Q(images__deleted_at=None, images__expires_at=None)


class ByWord(CursorPagination):
    ordering = ("folded",)
    page_size = 200
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """PostgreSQL takes no NUL in text."""
        cursor: Any = super().decode_cursor(request)
        if cursor is not None and "\0" in (cursor.position or ""):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class TagViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Tag]):
    """Own tags with the number of their pictures, in alphabetical order."""

    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    pagination_class = ByWord

    def get_queryset(self) -> TagQuerySet:
        tags = Tag.objects.visible_to(cast("User", self.request.user)).only("name", "folded")
        return tags.annotate(image_count=Count("images", filter=ON_KEPT))
