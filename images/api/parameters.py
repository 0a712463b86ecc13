"""Extraction and rendition parameters as requests carry them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from images.services.cutouts import default_spec
from processing.spec import ExtractSpec, RenderSpec

NOT_OF_THE_SPEC = {"download"}


class ExtractionParameters(serializers.Serializer[Any]):
    engine = serializers.CharField(
        required=False, allow_blank=True, help_text="Name of an engine of /engines/."
    )
    refine_edges = serializers.CharField(
        required=False, allow_blank=True, help_text="`off`, for now the only one."
    )


def extract_spec_from(data: Mapping[str, Any]) -> ExtractSpec:
    """Raises InvalidSpec with the parameter's name."""
    given = {name: data[name] for name in ("engine", "refine_edges") if data.get(name)}
    return ExtractSpec.parse({"engine": default_spec().engine} | given)


def render_spec_from(query: Mapping[str, str]) -> RenderSpec:
    """Raises InvalidSpec with the parameter's name; blank values count as absent."""
    given = {name: value for name, value in query.items() if value and name not in NOT_OF_THE_SPEC}
    return RenderSpec.from_params(given)


RENDITION_PARAMETERS = [
    OpenApiParameter("format", enum=["png", "webp", "jpeg", "avif"], default="png"),
    OpenApiParameter(
        "background",
        description="`transparent`, `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa` or a CSS colour name. "
        "Without one, a JPEG is on white.",
    ),
    OpenApiParameter("width", int, description="Fit inside this width, never enlarged."),
    OpenApiParameter("height", int, description="Fit inside this height, never enlarged."),
    OpenApiParameter("max_pixels", int, description="Reduce to at most so many pixels."),
    OpenApiParameter("quality", int, description="1 to 100, for lossy formats."),
    OpenApiParameter("channels", enum=["rgba", "alpha"], default="rgba"),
    OpenApiParameter(
        "decontaminate",
        enum=["1", "0"],
        default="1",
        description="Take the old background out of soft edges.",
    ),
    OpenApiParameter(
        "download", enum=["1", "0"], default="0", description="Answer as an attachment."
    ),
]
