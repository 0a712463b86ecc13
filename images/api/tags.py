"""/api/v1/tags/"""

from typing import TYPE_CHECKING, cast

from django.db.models import Count, Q
from rest_framework import mixins, viewsets

from images.api.pagination import ByText
from images.api.serializers import TagSerializer
from images.models import Tag
from images.models.tag import TagQuerySet

if TYPE_CHECKING:
    from accounts.models import User

ON_KEPT = Q(images__deleted_at=None, images__expires_at=None)


class ByWord(ByText):
    ordering = ("folded",)


class TagViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Tag]):
    """Own tags with the number of their pictures, in alphabetical order."""

    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    pagination_class = ByWord

    def get_queryset(self) -> TagQuerySet:
        tags = Tag.objects.visible_to(cast("User", self.request.user)).only("name", "folded")
        return tags.annotate(image_count=Count("images", filter=ON_KEPT))
