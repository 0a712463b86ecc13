"""/api/v1/presets/"""

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.models import Preset
from images.models.preset import MAX_PRESET_NAME, PresetQuerySet
from images.services.presets import BadName, change_preset, create_preset, parameters_of
from processing.presets import PRESETS

if TYPE_CHECKING:
    from accounts.models import User

ALL_AT_ONCE = [OpenApiParameter(name, exclude=True) for name in ("cursor", "page_size")]


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [{"type": kind} for kind in ("string", "number", "boolean")]
        },
    }
)
class ParametersField(serializers.Field[Any, Any, Any, Any]):
    """Rendition parameters as an object; each value is text, a number or a truth value."""

    default_error_messages = {"invalid": "Expected an object of rendition parameters."}

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return {str(name): self._text(value) for name, value in data.items()}

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "1" if value else "0"
        if not isinstance(value, str | int | float):
            self.fail("invalid")
        return str(value)

    def to_representation(self, value: Any) -> Any:
        return value


class PresetSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True, allow_null=True, help_text="null if built in.")
    name = serializers.CharField(max_length=MAX_PRESET_NAME)
    builtin = serializers.BooleanField(read_only=True, help_text="Everybody has it.")
    help = serializers.CharField(read_only=True, help_text="What a built-in one is for.")
    parameters = ParametersField(help_text="Rendition parameters; defaults are left out.")
    created_at = serializers.DateTimeField(read_only=True, allow_null=True)


class PresetViewSet(
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Preset],
):
    """Named rendition parameters: own ones, and those that everybody has."""

    queryset = Preset.objects.none()
    serializer_class = PresetSerializer
    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]

    def get_queryset(self) -> PresetQuerySet:
        return Preset.objects.visible_to(cast("User", self.request.user)).select_related("owner")

    @extend_schema(parameters=ALL_AT_ONCE)
    def list(self, request: Request) -> Response:
        """Own ones by name, then those that everybody has; always all on one page."""
        results = [_describe(preset) for preset in self.get_queryset()]
        results += [_describe_builtin(name) for name in PRESETS]
        return Response({"next": None, "previous": None, "results": results})

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def create(self, request: Request) -> Response:
        """Give rendition parameters a name."""
        fields = PresetSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        preset = _refusing_names(
            create_preset,
            owner=cast("User", request.user),
            name=fields.validated_data["name"],
            params=fields.validated_data["parameters"],
        )
        headers = {"Location": self.reverse_action("detail", args=[preset.pk])}
        return Response(_describe(preset), status=status.HTTP_201_CREATED, headers=headers)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(_describe(self.get_object()))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Another name, other parameters or both; parameters are replaced as a whole."""
        preset = self.get_object()
        fields = PresetSerializer(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        given = fields.validated_data
        _refusing_names(
            change_preset,
            preset=preset,
            name=given.get("name"),
            params=given.get("parameters"),
        )
        return Response(_describe(preset))


def _refusing_names(act: Any, **arguments: Any) -> Any:
    try:
        return act(**arguments)
    except BadName as error:
        message = {"name": [error.message]}
        raise serializers.ValidationError(message, code=error.code) from error


def _describe(preset: Preset) -> dict[str, Any]:
    return {
        "id": str(preset.pk),
        "name": preset.name,
        "builtin": False,
        "help": "",
        "parameters": parameters_of(preset),
        "created_at": serializers.DateTimeField().to_representation(preset.created_at),
    }


def _describe_builtin(name: str) -> dict[str, Any]:
    preset = PRESETS[name]
    return {
        "id": None,
        "name": name,
        "builtin": True,
        "help": preset.help,
        "parameters": dict(preset.params),
        "created_at": None,
    }
