"""/api/v1/backdrops/"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from django.core.files.base import File
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from images.api.errors import about
from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.negotiation import JsonOrBytes
from images.api.parsers import ShallowJSONParser
from images.api.serializers import FileOrUrl
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.waiting import waiting_place
from images.models import Backdrop
from images.models.backdrop import BackdropQuerySet
from images.services.backdrops import add_backdrop, rename_backdrop
from images.services.imports import fetch_picture
from images.services.names import safe_file_name
from images.serving import serve_file
from processing.sniff import FORMATS

if TYPE_CHECKING:
    from accounts.models import User

FILE_BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes.")


class BackdropSerializer(serializers.ModelSerializer[Backdrop]):
    url = serializers.SerializerMethodField(help_text="Of the file as it was sent.")
    background = serializers.SerializerMethodField(
        help_text="The value of the rendition parameter `background` for this backdrop."
    )

    class Meta:
        model = Backdrop
        fields = [
            *("id", "name", "content_type", "width", "height", "byte_size", "sha256"),
            *("created_at", "url", "background"),
        ]
        read_only_fields = [name for name in fields if name != "name"]

    def get_url(self, backdrop: Backdrop) -> str:
        request = self.context.get("request")
        return reverse("api:backdrop-file", args=[backdrop.pk], request=request)

    def get_background(self, backdrop: Backdrop) -> str:
        return f"backdrop-{backdrop.pk}"


class NewBackdropSerializer(FileOrUrl):
    name = serializers.CharField(required=False, allow_blank=True, max_length=255)


class BackdropViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Backdrop],
):
    """Own pictures to put behind a subject, newest first."""

    queryset = Backdrop.objects.none()
    serializer_class = BackdropSerializer
    parser_classes = [MultiPartParser, FormParser, ShallowJSONParser]
    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]
    content_negotiation_class = JsonOrBytes
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> BackdropQuerySet:
        return Backdrop.objects.visible_to(cast("User", self.request.user))

    @extend_schema(
        request={
            "multipart/form-data": NewBackdropSerializer,
            "application/json": NewBackdropSerializer,
        },
        responses={201: BackdropSerializer, 200: BackdropSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Keep a picture to put behind subjects; 200 if the same bytes are kept already."""
        fields = NewBackdropSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        owner = cast("User", request.user)
        with _sent_file(fields.validated_data, owner) as file:
            name = fields.validated_data.get("name", "")
            backdrop, is_new = add_backdrop(owner=owner, file=file, name=name)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        headers = {"Location": self.reverse_action("detail", args=[backdrop.pk])}
        return Response(self.get_serializer(backdrop).data, status=code, headers=headers)

    def perform_update(self, serializer: Any) -> None:
        if name := serializer.validated_data.get("name"):
            rename_backdrop(backdrop=serializer.instance, name=name)

    @extend_schema(responses={(200, one.content_type): FILE_BYTES for one in FORMATS.values()})
    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """The bytes as they were sent, as an attachment."""
        backdrop = self.get_object()
        return serve_file(
            request,
            backdrop.file,
            content_type=backdrop.content_type,
            filename=safe_file_name(backdrop.name),
            attachment=True,
        )


@contextmanager
def _sent_file(fields: dict[str, Any], owner: "User") -> Iterator["File[bytes]"]:
    """The file itself, or what lies at the address: fetching it takes a place of those who wait."""
    if "file" in fields:
        yield fields["file"]
        return
    with waiting_place(owner.pk), about("url"), fetch_picture(url=fields["url"]) as file:
        yield file
