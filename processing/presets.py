"""Named sets of rendition parameters, for people who do not want to think about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import InvalidSpec
from .spec import RenderSpec


@dataclass(frozen=True, slots=True)
class Preset:
    help: str
    spec: RenderSpec


PRESETS: Mapping[str, Preset] = {
    "cutout": Preset("the subject on transparent ground, PNG", RenderSpec()),
    "white": Preset("on white, JPEG", RenderSpec(format="jpeg")),
    "web": Preset(
        "transparent, at most 2048 pixels a side, WebP",
        RenderSpec(format="webp", max_side=2048),
    ),
    "marketplace": Preset(
        "2000 x 2000 pixels, white, the subject in the middle, as shops want it, JPEG",
        RenderSpec.parse("format=jpeg&width=2000&height=2000&scale=85"),
    ),
    "square": Preset(
        "1080 x 1080 pixels, white, the subject in the middle, JPEG",
        RenderSpec.parse("format=jpeg&width=1080&height=1080&scale=80"),
    ),
    "portrait-4x5": Preset(
        "1080 x 1350 pixels, white, the subject in the middle, JPEG",
        RenderSpec.parse("format=jpeg&width=1080&height=1350&scale=80"),
    ),
    "passport": Preset(
        "35 x 45 mm at 600 dots per inch, white, the person at the lower edge, JPEG",
        RenderSpec.parse("format=jpeg&width=827&height=1063&scale=90&position=50%25,100%25"),
    ),
    "studio": Preset(
        "on white, standing on a soft shadow, JPEG",
        RenderSpec.parse("format=jpeg&crop=subject&margin=12%25&shadow=contact"),
    ),
    "matte": Preset("the alpha channel alone, PNG", RenderSpec(channels="alpha")),
}


def preset_spec(name: str) -> RenderSpec:
    """Raises InvalidSpec (parameter "preset") if there is none of this name."""
    if name not in PRESETS:
        raise InvalidSpec("preset", f"There is no preset “{name}”; there are {', '.join(PRESETS)}.")
    return PRESETS[name].spec
