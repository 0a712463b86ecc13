"""/api/v1/cutouts/{id}/refine/"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.negotiation import JsonOrBytes
from images.api.nulls import NullIsLeftOut
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.waiting import PREFER, preferred_wait, wait_for
from images.models import Cutout
from images.representations import CutoutSerializer
from images.services.guided import (
    Marks,
    StrokeOutside,
    TooMuchToDraw,
    preview_refined,
    submit_refined,
)
from processing.guided import Stroke
from processing.spec import ExtractSpec

if TYPE_CHECKING:
    from accounts.models import User

MAX_STROKES = 200
MAX_POINTS = 2000
MAX_POINTS_IN_ALL = 20_000
FARTHEST = 100_000
MAX_NAME = 100  # of a field that does not exist, in the answer
POINTS = (
    f"Between 1 and {MAX_POINTS} points, each [x, y] in pixels of the upright original: numbers "
    f"between -{FARTHEST} and {FARTHEST}."
)


@extend_schema_field(
    {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_POINTS,
        "items": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "number", "minimum": -FARTHEST, "maximum": FARTHEST},
        },
        "example": [[120, 80.5], [140, 96]],
    }
)
class PointsField(serializers.Field[Any, Any, Any, Any]):
    """One error for all of them: an answer with thousands would help nobody."""

    def to_internal_value(self, data: Any) -> list[tuple[float, float]]:
        if not isinstance(data, list) or not 1 <= len(data) <= MAX_POINTS:
            raise ValidationError(POINTS, code="invalid")
        return [self._point(point) for point in data]

    def to_representation(self, value: Any) -> Any:
        return value

    def _point(self, point: Any) -> tuple[float, float]:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_near, point)):
            raise ValidationError(POINTS, code="invalid")
        return float(point[0]), float(point[1])


def _is_near(value: Any) -> bool:
    """A number (true is none in JSON), and no infinite one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -FARTHEST <= value <= FARTHEST and math.isfinite(value)


class NothingElse(serializers.Serializer[Any]):
    """A mistyped name would be without effect, and nobody told."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = (
            [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        )
        if unknown:
            sentence = f"There are only {', '.join(self.fields)}."
            raise ValidationError({unknown[0][:MAX_NAME]: [sentence]}, code="unknown_field")
        return super().to_internal_value(data)


class StrokeSerializer(NothingElse):
    keep = serializers.BooleanField(
        help_text="true: what lies under the stroke belongs to the subject; false: it does not."
    )
    radius = serializers.FloatField(
        min_value=0.1, max_value=10_000, help_text="Of the brush, in pixels of the original."
    )
    points = PointsField(help_text=POINTS + " A single one is a dab.")


class StrokesField(serializers.ListField):
    child = StrokeSerializer()

    def to_internal_value(self, data: Any) -> list[Any]:
        """Looks at the numbers first: an error for each of a million would be a long answer."""
        if isinstance(data, list):
            if len(data) > MAX_STROKES:
                raise ValidationError(f"At most {MAX_STROKES} strokes.", code="max_length")
            points = [one.get("points") for one in data if isinstance(one, dict)]
            if sum(len(some) for some in points if isinstance(some, list)) > MAX_POINTS_IN_ALL:
                sentence = f"At most {MAX_POINTS_IN_ALL} points in all strokes together."
                raise ValidationError(sentence, code="max_length")
        return super().to_internal_value(data)


class RefineSerializer(NothingElse, NullIsLeftOut):
    strokes = StrokesField(
        required=False,
        max_length=MAX_STROKES,
        help_text="In the order in which they were drawn: later ones cover earlier ones.",
    )
    roi = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Region of interest: left, top, right, bottom, each like `10%` or `30px`. "
        "What lies outside becomes background.",
    )
    save = serializers.BooleanField(  # type: ignore[assignment]
        required=False,
        default=False,
        help_text="Keep the result as a new cutout, beside this one.",
    )


class Refine(APIView):
    """Refining a matte by strokes."""

    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]
    content_negotiation_class = JsonOrBytes

    @extend_schema(
        operation_id="cutouts_refine_create",
        request=RefineSerializer,
        parameters=[PREFER, IDEMPOTENCY_KEY],
        responses={
            (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, description="The bytes."),
            201: CutoutSerializer,
        },
    )
    def post(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Refine a matte by strokes that keep or remove; answers an 8-bit grey PNG of at most 1024
        pixels a side, and stores nothing, but with `save`."""
        cutout = self._cutout(request, pk)
        fields = RefineSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        marks = _marks_from(fields.validated_data)
        if fields.validated_data.get("save"):
            return self._save(request, cutout, marks)
        with _strokes_are_told():
            content = preview_refined(cutout=cutout, marks=marks)
        return HttpResponse(
            content, content_type="image/png", headers={"Cache-Control": "private, no-store"}
        )

    @idempotent
    def _save(self, request: Request, cutout: Cutout, marks: Marks) -> Response:
        with _strokes_are_told():
            edited = submit_refined(cutout=cutout, marks=marks)
        place = reverse("api:cutout-detail", args=[edited.pk], request=request)
        headers = {"Location": place}
        seconds = preferred_wait(request)
        if wait_for(edited.pk, seconds=seconds, owner=edited.owner_id):
            edited = self._cutout(request, edited.pk)
            headers["Preference-Applied"] = f"wait={int(seconds)}"
        data = CutoutSerializer(edited, context={"request": request}).data
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    def _cutout(self, request: Request, pk: UUID) -> Cutout:
        cutouts = Cutout.objects.visible_to(cast("User", request.user)).select_related("image")
        return get_object_or_404(cutouts, pk=pk)


@contextmanager
def _strokes_are_told() -> Iterator[None]:
    """Which stroke is wrong, where services refuse one."""
    try:
        yield
    except TooMuchToDraw as error:
        raise ValidationError({"strokes": [error.message]}, code=error.code) from error
    except StrokeOutside as error:
        attr = {"strokes": {str(error.index): {"points": [error.message]}}}
        raise ValidationError(cast("Any", attr), code=error.code) from error


def _marks_from(data: dict[str, Any]) -> Marks:
    """Raises InvalidSpec with the parameter's name."""
    strokes = [Stroke(**stroke) for stroke in data.get("strokes", ())]
    roi = ExtractSpec.parse({"roi": data["roi"]}).roi if data.get("roi") else None
    return Marks(strokes, roi)
