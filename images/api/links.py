"""/api/v1/links/"""

from typing import TYPE_CHECKING, cast

from rest_framework import mixins, viewsets

from images.api.serializers import LinkSerializer
from images.models import ShareLink
from images.models.share import ShareLinkQuerySet
from images.services.sharing import revoke_link

if TYPE_CHECKING:
    from accounts.models import User


class LinkViewSet(
    mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ShareLink]
):
    """Public addresses of outputs of own pictures, without their secrets."""

    queryset = ShareLink.objects.none()
    serializer_class = LinkSerializer

    def get_queryset(self) -> ShareLinkQuerySet:
        return ShareLink.objects.visible_to(cast("User", self.request.user)).usable()

    def perform_destroy(self, instance: ShareLink) -> None:
        """End it at once."""
        revoke_link(link=instance)
