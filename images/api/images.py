"""/api/v1/images/"""

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from images.api.archives import ARCHIVE_ANSWER, send_archive
from images.api.bulk import act_on_many
from images.api.errors import about
from images.api.filters import ImageFilter, chosen_images
from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.negotiation import JsonOrBytes
from images.api.parameters import ExtractionParameters, extract_spec_from
from images.api.parsers import ShallowJSONParser
from images.api.serializers import (
    AddressSerializer,
    ArchiveSerializer,
    BulkResultSerializer,
    BulkSerializer,
    ImageChangesSerializer,
    UploadSerializer,
)
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.waiting import PREFER, preferred_wait, wait_for, waiting_place
from images.models import Batch, Cutout, Image
from images.models.image import ImageQuerySet
from images.representations import CutoutSerializer, ImageSerializer
from images.services.cutouts import request_cutout
from images.services.imports import fetch_picture
from images.services.previews import ensure_preview
from images.services.tags import set_tags
from images.services.trash import move_to_trash, purge, restore
from images.services.uploads import submit_image
from images.serving import serve_file
from processing.sniff import FORMATS

if TYPE_CHECKING:
    from accounts.models import User
FILE_BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes.")
# What in the request for an archive is no parameter of its pictures.
CHOICE = {"ids", "filter"}


class ImageViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
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
        images = images.prefetch_related("tags")
        if self.action != "list":
            return images
        wanted = self.request.query_params.get("trash", "").lower()
        return images.in_trash() if wanted in {"1", "true"} else images.kept()

    @extend_schema(
        request={"multipart/form-data": UploadSerializer, "application/json": AddressSerializer},
        responses={201: ImageSerializer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Upload a picture, or name its address, and have its background removed."""
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        image = self._submit(upload.validated_data)
        return self._answer(request, image, image.latest_cutout_id, status.HTTP_201_CREATED)

    def _submit(self, upload: dict[str, Any]) -> Image:
        owner = cast("User", self.request.user)
        submit = partial(
            submit_image,
            owner=owner,
            extract_spec=extract_spec_from(upload),
            title=upload.get("title", ""),
            tags=upload.get("tags", ()),
            batch=self._find_batch(upload.get("batch")),
        )
        if "file" in upload:
            return submit(file=upload["file"])
        # Other servers may take their time: they must not hold all threads.
        with waiting_place(owner.pk), about("url"), fetch_picture(url=upload["url"]) as file:
            return submit(file=file)

    def _find_batch(self, pk: UUID | None) -> Batch | None:
        if pk is None:
            return None
        batch = Batch.objects.visible_to(cast("User", self.request.user)).filter(pk=pk).first()
        if batch is None:
            message = "There is no such batch of yours."
            raise ValidationError({"batch": message}, code="unknown_batch")
        return batch

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

    @extend_schema(request=ImageChangesSerializer, responses=ImageSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change title, tags or the star. Only what came: the worker writes the same rows."""
        image = self.get_object()
        changes = ImageChangesSerializer(data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        fields = dict(changes.validated_data)
        if "tags" in fields:
            set_tags(image=image, names=fields.pop("tags"))
        if fields:
            Image.objects.filter(pk=image.pk).update(**fields)
        return Response(self.get_serializer(self.get_object()).data)

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
        request=ExtractionParameters,
        responses={202: CutoutSerializer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
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

    @extend_schema(responses=CutoutSerializer(many=True), filters=False)
    @cutouts.mapping.get
    def list_cutouts(self, request: Request, pk: str) -> Response:
        """All versions of the picture, newest first."""
        cutouts = self.get_object().cutouts.order_by("-created_at", "-pk")
        page = cast("list[Cutout]", self.paginate_queryset(cast("Any", cutouts)))
        data = CutoutSerializer(page, many=True, context=self.get_serializer_context()).data
        return self.get_paginated_response(data)

    @extend_schema(
        request=BulkSerializer,
        responses=BulkResultSerializer,
        filters=False,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=False, methods=["post"], parser_classes=[ShallowJSONParser])
    @idempotent
    def bulk(self, request: Request) -> Response:
        """Delete, restore, purge, tag, untag or cut out again many pictures at once."""
        asked = BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        owner = cast("User", request.user)
        return Response(act_on_many(owner=owner, asked=asked.validated_data))

    @extend_schema(request=ArchiveSerializer, responses=ARCHIVE_ANSWER, filters=False)
    @action(detail=False, methods=["post"], parser_classes=[ShallowJSONParser])
    def archive(self, request: Request) -> HttpResponseBase:
        """Many finished pictures as one zip; beside these, parameters of renditions."""
        asked = ArchiveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        chosen, sent = asked.validated_data, cast("dict[str, Any]", request.data)
        images = chosen_images(
            owner=cast("User", request.user),
            ids=chosen.get("ids"),
            wanted=chosen.get("filter", {}),
        )
        rest = {name: value for name, value in sent.items() if name not in CHOICE}
        return send_archive(request, images=images, params=rest, title="pictures")

    @extend_schema(responses={(200, one.content_type): FILE_BYTES for one in FORMATS.values()})
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
