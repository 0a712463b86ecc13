"""/api/v1/images/"""

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from images.api.filters import ImageFilter
from images.api.negotiation import JsonOrBytes
from images.api.parameters import ExtractionParameters, extract_spec_from
from images.api.parsers import ShallowJSONParser
from images.api.serializers import UploadSerializer
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.waiting import preferred_wait, wait_for
from images.models import Image
from images.models.image import ImageQuerySet
from images.representations import CutoutSerializer, ImageSerializer
from images.services.cutouts import request_cutout
from images.services.previews import ensure_preview
from images.services.trash import move_to_trash, purge, restore
from images.services.uploads import submit_image
from images.serving import serve_file

PREFER = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description="`wait=20`: answer when the cutout is done, or after 20 seconds as it stands.",
)

if TYPE_CHECKING:
    from accounts.models import User
FILE_BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes.")


class ImageViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Image],
):
    """Own pictures, newest first."""

    queryset = Image.objects.none()
    serializer_class = ImageSerializer
    filterset_class = ImageFilter
    parser_classes = [MultiPartParser, FormParser, ShallowJSONParser]
    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]
    content_negotiation_class = JsonOrBytes
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> ImageQuerySet:
        """Lists leave the trash out unless asked for it; a single picture is found there too."""
        images = Image.objects.visible_to(cast("User", self.request.user)).with_cutouts()
        if self.action != "list":
            return images
        wanted = self.request.query_params.get("trash", "").lower()
        return images.in_trash() if wanted in {"1", "true"} else images.kept()

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={201: ImageSerializer},
        parameters=[PREFER],
    )
    def create(self, request: Request) -> Response:
        """Upload a picture and have its background removed."""
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        image = submit_image(
            owner=cast("User", request.user),
            file=upload.validated_data["file"],
            extract_spec=extract_spec_from(upload.validated_data),
            title=upload.validated_data.get("title", ""),
        )
        return self._answer(request, image, image.latest_cutout_id, status.HTTP_201_CREATED)

    def _answer(self, request: Request, image: Image, cutout_id: Any, code: int) -> Response:
        seconds = preferred_wait(request)
        waited = wait_for(cutout_id, seconds=seconds, owner=image.owner_id)
        if waited:
            image = self.get_queryset().get(pk=image.pk)
        data = self.get_serializer(image).data
        headers = {"Location": self.reverse_action("detail", args=[image.pk])}
        if waited:
            headers["Preference-Applied"] = f"wait={int(seconds)}"
        return Response(data, status=code, headers=headers)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not kwargs.get("partial"):
            raise MethodNotAllowed(str(request.method))
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: Any) -> None:
        """Only the fields that came: the worker writes the same rows."""
        image = serializer.instance
        for name, value in serializer.validated_data.items():
            setattr(image, name, value)
        if serializer.validated_data:
            image.save(update_fields=list(serializer.validated_data))

    @extend_schema(
        parameters=[
            OpenApiParameter("purge", bool, description="1: delete rows and files now, for good.")
        ]
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Move to the trash, or with `purge=1` delete for good."""
        image = self.get_object()
        chosen = Image.objects.filter(pk=image.pk)
        if request.query_params.get("purge") in {"1", "true"}:
            purge(images=chosen)
        else:
            move_to_trash(images=chosen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=ImageSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Take a picture out of the trash."""
        image = self.get_object()
        restore(images=Image.objects.filter(pk=image.pk))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        request=ExtractionParameters, responses={202: CutoutSerializer}, parameters=[PREFER]
    )
    @action(detail=True, methods=["post"])
    def cutouts(self, request: Request, pk: str) -> Response:
        """Cut the picture out again, with other parameters or the same."""
        image = self.get_object()
        parameters = ExtractionParameters(data=request.data)
        parameters.is_valid(raise_exception=True)
        cutout = request_cutout(
            image=image, extract_spec=extract_spec_from(parameters.validated_data)
        )
        seconds = preferred_wait(request)
        headers = {"Location": reverse("api:cutout-detail", args=[cutout.pk], request=request)}
        if wait_for(cutout.pk, seconds=seconds, owner=image.owner_id):
            cutout.refresh_from_db()
            headers["Preference-Applied"] = f"wait={int(seconds)}"
        data = CutoutSerializer(cutout, context=self.get_serializer_context()).data
        return Response(data, status=status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(responses={(200, "application/octet-stream"): FILE_BYTES})
    @action(detail=True, methods=["get"])
    def original(self, request: Request, pk: str) -> HttpResponseBase:
        """The bytes as they were sent, as an attachment."""
        image = self.get_object()
        return serve_file(
            request,
            image.original,
            content_type=image.content_type,
            filename=image.original_name,
            attachment=True,
        )

    @extend_schema(responses={(200, "image/webp"): FILE_BYTES})
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, pk: str) -> HttpResponseBase:
        """The picture upright, in sRGB, at most 2048 pixels a side, as WebP."""
        image = ensure_preview(image=self.get_object())
        return serve_file(request, image.preview, content_type="image/webp")
