"""Extraction and rendition parameters as requests carry them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from images.api.nulls import NullIsLeftOut
from images.services.cutouts import default_spec
from images.services.render_specs import render_spec_for
from processing.presets import PRESETS
from processing.spec import ExtractSpec, RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

NOT_OF_THE_SPEC = {"download"}


class ExtractionParameters(NullIsLeftOut):
    engine = serializers.CharField(
        required=False, allow_blank=True, help_text="Name of an engine of /engines/."
    )
    refine_edges = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="`off` (default); `on`: fine edges, as of hair and nets, are solved from the "
        "colours of the picture; `auto`: where that helps. `refinement` of the cutout tells.",
    )
    roi = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Region of interest: left, top, right, bottom, each like `10%` or `30px`. "
        "What lies outside counts as background.",
    )


def extract_spec_from(data: Mapping[str, Any]) -> ExtractSpec:
    """Raises InvalidSpec with the parameter's name."""
    given = {name: data[name] for name in ("engine", "refine_edges", "roi") if data.get(name)}
    return ExtractSpec.parse({"engine": default_spec().engine} | given)


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Parameters in JSON as they would stand in an address; null counts as left out."""
    return {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }


def render_spec_from(query: Mapping[str, str], *, owner: "User") -> RenderSpec:
    """What `query` means for `owner`, with the names of their presets and backdrops.

    Raises InvalidSpec with the parameter's name; blank values count as absent.
    """
    given = {name: value for name, value in query.items() if name not in NOT_OF_THE_SPEC}
    return render_spec_for(owner=owner, params=given)


RENDITION_PARAMETERS = [
    OpenApiParameter(
        "preset",
        description=f"{', '.join(f'`{name}`' for name in PRESETS)}, or the name of one of your "
        "own. What else is given replaces its values.",
    ),
    OpenApiParameter("format", enum=["png", "webp", "jpeg", "avif"], default="png"),
    OpenApiParameter(
        "background",
        description="`transparent`, `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, a CSS colour name, "
        "`blur` or `blur-1` to `blur-100`, `gradient-<hex>-<hex>-<degrees>`, or "
        "`backdrop-<id>`, a picture of your own. "
        "Without one, a JPEG is on white.",
    ),
    OpenApiParameter("crop", enum=["none", "subject"], default="none"),
    OpenApiParameter(
        "margin", description="Around a cropped subject: one, two or four of `10%` or `30px`."
    ),
    OpenApiParameter("width", int, description="Fit inside this width, never enlarged."),
    OpenApiParameter(
        "height",
        int,
        description="Fit inside this height, never enlarged. With `width`: the exact canvas.",
    ),
    OpenApiParameter("max_side", int, description="Fit the longest side into so many pixels."),
    OpenApiParameter("max_pixels", int, description="Reduce to at most so many pixels."),
    OpenApiParameter("scale", int, description="10 to 100: % of the canvas the subject fills."),
    OpenApiParameter("position", description="`center`, `X%` or `X%,Y%`: where the subject lies."),
    OpenApiParameter("shadow", enum=["none", "drop", "contact", "car", "3d"], default="none"),
    OpenApiParameter("shadow_opacity", int, description="0 to 100, 50 by default."),
    OpenApiParameter("feather", float, description="Pixels over which edges fade, 0 to 100."),
    OpenApiParameter("shift", float, description="Pixels that edges move out (in: below 0)."),
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
