"""/api/v1/cutouts/"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.mattes import MATTE_PARSERS, MatteSerializer
from images.api.negotiation import JsonOrBytes
from images.api.parameters import RENDITION_PARAMETERS, as_texts, render_spec_from
from images.api.serializers import (
    FeedbackSerializer,
    LinkRequestSerializer,
    LinkSerializer,
    NewLinkSerializer,
)
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.waiting import PREFER, preferred_wait, wait_for
from images.models import Cutout, ShareLink
from images.models.cutout import CutoutQuerySet
from images.representations import CutoutSerializer
from images.services.cutouts import retry_cutout
from images.services.edits import submit_matte
from images.services.errors import NoEdges
from images.services.feedback import give_feedback, take_back_feedback
from images.services.finished import check_done
from images.services.names import download_name
from images.services.renditions import get_rendition
from images.services.sharing import share
from images.serving import serve_file, wants_download
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

DAY = 24 * 60 * 60
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

    @extend_schema(request=FeedbackSerializer, responses=CutoutSerializer)
    @action(detail=True, methods=["put"])
    def feedback(self, request: Request, pk: str) -> Response:
        """Say whether a finished cutout is good, and why; replaces what was said before."""
        cutout = self.get_object()
        serializer = FeedbackSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        give_feedback(cutout=cutout, **serializer.validated_data)
        return Response(self.get_serializer(cutout).data)

    @extend_schema(request=None, responses={204: None})
    @feedback.mapping.delete
    def take_back_feedback(self, request: Request, pk: str) -> Response:
        """Take back what was said."""
        take_back_feedback(cutout=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=LinkRequestSerializer, responses={201: NewLinkSerializer})
    @action(detail=True, methods=["post"])
    def links(self, request: Request, pk: str) -> Response:
        """Make a public address of one output; beside `expires_in`, parameters of renditions."""
        cutout = self.get_object()
        fields = LinkRequestSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        sent = cast("dict[str, Any]", request.data)
        given = as_texts({name: value for name, value in sent.items() if name != "expires_in"})
        lifetime = fields.validated_data.get("expires_in", settings.SHARE_DAYS * DAY)
        link, secret = share(
            cutout=cutout,
            spec=render_spec_from(given, owner=cast("User", request.user)),
            lifetime=timedelta(seconds=lifetime) if lifetime else None,
        )
        extension = RenderSpec.parse(link.spec).extension
        path = reverse("web:shared", args=[secret, extension])
        data = {
            "id": link.pk,
            "url": request.build_absolute_uri(path),
            "expires_at": link.expires_at,
        }
        return Response(NewLinkSerializer(data).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=LinkSerializer(many=True))
    @links.mapping.get
    def list_links(self, request: Request, pk: str) -> Response:
        """Public addresses of this cutout that still work, newest first, without their secrets."""
        links = ShareLink.objects.usable().filter(cutout=self.get_object())
        page = cast("list[ShareLink]", self.paginate_queryset(cast("Any", links)))
        return self.get_paginated_response(LinkSerializer(page, many=True).data)

    @extend_schema(responses={(200, "image/png"): FILE_BYTES})
    @action(detail=True, methods=["get"], parser_classes=MATTE_PARSERS)
    def matte(self, request: Request, pk: str) -> HttpResponseBase:
        """The matte: an 8-bit grey PNG of the upright original's size."""
        cutout = self.get_object()
        check_done(cutout)
        return serve_file(request, cutout.matte, content_type="image/png")

    @extend_schema(
        request={
            "image/png": OpenApiTypes.BINARY,
            "image/webp": OpenApiTypes.BINARY,
            "multipart/form-data": MatteSerializer,
        },
        responses={201: CutoutSerializer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
    )
    @matte.mapping.put
    @idempotent
    def put_matte(self, request: Request, pk: str) -> Response:
        """Send a matte that you have edited: it becomes a new cutout, beside this one."""
        cutout = self.get_object()
        fields = MatteSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        edited = submit_matte(cutout=cutout, file=fields.validated_data["file"])
        headers = {"Location": self.reverse_action("detail", args=[edited.pk])}
        seconds = preferred_wait(request)
        if wait_for(edited.pk, seconds=seconds, owner=edited.owner_id):
            edited = self.get_queryset().get(pk=edited.pk)
            headers["Preference-Applied"] = f"wait={int(seconds)}"
        data = self.get_serializer(edited).data
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(responses={(200, "image/png"): FILE_BYTES})
    @action(detail=True, methods=["get"])
    def edges(self, request: Request, pk: str) -> HttpResponseBase:
        """Colours of the subject in its soft edges, black elsewhere."""
        cutout = self.get_object()
        check_done(cutout)
        if not cutout.edges:
            raise NoEdges
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
        spec = render_spec_from(request.query_params, owner=cast("User", request.user))
        rendition = get_rendition(cutout=cutout, spec=spec)
        return serve_file(
            request,
            rendition.file,
            content_type=rendition.content_type,
            filename=download_name(cutout.image, spec.extension),
            attachment=wants_download(request),
        )
