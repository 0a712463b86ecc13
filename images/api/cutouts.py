"""/api/v1/cutouts/"""

from typing import TYPE_CHECKING, cast

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from images.api.negotiation import JsonOrBytes
from images.api.parameters import RENDITION_PARAMETERS, render_spec_from
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.models import Cutout
from images.models.cutout import CutoutQuerySet
from images.representations import CutoutSerializer
from images.services.cutouts import retry_cutout
from images.services.errors import CutoutNotReady
from images.services.renditions import get_rendition
from images.serving import download_name, serve_file, wants_download

if TYPE_CHECKING:
    from accounts.models import User

FILE_BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes.")


class CutoutViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Cutout]):
    """Cutouts of own pictures."""

    queryset = Cutout.objects.none()
    serializer_class = CutoutSerializer
    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]
    content_negotiation_class = JsonOrBytes

    def get_queryset(self) -> CutoutQuerySet:
        return Cutout.objects.visible_to(cast("User", self.request.user)).select_related("image")

    @extend_schema(request=None, responses={202: CutoutSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Put a failed cutout back into the queue."""
        cutout = retry_cutout(cutout=self.get_object())
        return Response(self.get_serializer(cutout).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={(200, "image/png"): FILE_BYTES})
    @action(detail=True, methods=["get"])
    def matte(self, request: Request, pk: str) -> HttpResponseBase:
        """The matte: an 8-bit grey PNG of the upright original's size."""
        cutout = self.get_object()
        if not cutout.matte:
            raise CutoutNotReady
        return serve_file(request, cutout.matte, content_type="image/png")

    @extend_schema(responses={(200, "image/png"): FILE_BYTES})
    @action(detail=True, methods=["get"])
    def edges(self, request: Request, pk: str) -> HttpResponseBase:
        """Colours of the subject in its soft edges, black elsewhere."""
        cutout = self.get_object()
        if not cutout.edges:
            raise CutoutNotReady
        return serve_file(request, cutout.edges, content_type="image/png")

    @extend_schema(
        parameters=RENDITION_PARAMETERS,
        responses={
            (200, kind): FILE_BYTES
            for kind in ("image/png", "image/webp", "image/jpeg", "image/avif")
        },
    )
    @action(detail=True, methods=["get"])
    def rendition(self, request: Request, pk: str) -> HttpResponseBase:
        """The finished picture, as the parameters ask for it."""
        cutout = self.get_object()
        spec = render_spec_from(request.query_params)
        rendition = get_rendition(cutout=cutout, spec=spec)
        return serve_file(
            request,
            rendition.file,
            content_type=rendition.content_type,
            filename=download_name(cutout.image, spec.extension),
            attachment=wants_download(request),
        )
