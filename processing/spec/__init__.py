"""What is asked of an extraction and of a rendition, each with one canonical string.

The canonical string has a fixed order and leaves defaults out, so it can be compared, stored under
a unique key and put into an address: ``parse(str(spec)) == spec``.
"""

from .extract import ExtractSpec
from .formats import MAX_PIXELS, MAX_SIDE, OUTPUT_FORMATS, OutputFormat
from .grounds import WHITE, Backdrop, Blur, Colour, Gradient, Ground
from .render import DISPLAY, SHADOW_OPACITY, SHADOWS, THUMBNAIL, RenderSpec
from .values import Length, Margin, Position, Region, RegionEmpty, RegionOutside

__all__ = [
    "DISPLAY",
    "MAX_PIXELS",
    "MAX_SIDE",
    "OUTPUT_FORMATS",
    "SHADOWS",
    "SHADOW_OPACITY",
    "THUMBNAIL",
    "WHITE",
    "Backdrop",
    "Blur",
    "Colour",
    "ExtractSpec",
    "Gradient",
    "Ground",
    "Length",
    "Margin",
    "OutputFormat",
    "Position",
    "Region",
    "RegionEmpty",
    "RegionOutside",
    "RenderSpec",
]
