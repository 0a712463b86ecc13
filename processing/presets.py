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
    "matte": Preset("the alpha channel alone, PNG", RenderSpec(channels="alpha")),
}


def preset_spec(name: str) -> RenderSpec:
    """Raises InvalidSpec (parameter "preset") if there is none of this name."""
    if name not in PRESETS:
        raise InvalidSpec("preset", f"There is no preset “{name}”; there are {', '.join(PRESETS)}.")
    return PRESETS[name].spec
