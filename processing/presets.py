"""Named sets of rendition parameters, for people who do not want to think about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import InvalidSpec
from .spec import RenderSpec
from .spec.values import pairs


@dataclass(frozen=True, slots=True)
class Preset:
    """params: in canonical form, with the white behind a JPEG, which a RenderSpec leaves out: it
    is to stay when somebody asks for the same in another format.
    """

    help: str
    params: Mapping[str, str]

    @property
    def spec(self) -> RenderSpec:
        return RenderSpec.from_params(self.params)


def _preset(help: str, params: str) -> Preset:  # noqa: A002 - as it is called there
    return Preset(help, pairs(params))


_ON_WHITE = "format=jpeg&background=ffffff"

PRESETS: Mapping[str, Preset] = {
    "cutout": _preset("the subject on transparent ground, PNG", "format=png"),
    "white": _preset("on white, JPEG", _ON_WHITE),
    "web": _preset("transparent, at most 2048 pixels a side, WebP", "format=webp&max_side=2048"),
    "marketplace": _preset(
        "2000 x 2000 pixels, white, the subject in the middle, as shops want it, JPEG",
        f"{_ON_WHITE}&width=2000&height=2000&scale=85",
    ),
    "square": _preset(
        "1080 x 1080 pixels, white, the subject in the middle, JPEG",
        f"{_ON_WHITE}&width=1080&height=1080&scale=80",
    ),
    "portrait-4x5": _preset(
        "1080 x 1350 pixels, white, the subject in the middle, JPEG",
        f"{_ON_WHITE}&width=1080&height=1350&scale=80",
    ),
    "passport": _preset(
        "35 x 45 mm at 600 dots per inch, white, the person at the lower edge, JPEG",
        f"{_ON_WHITE}&width=827&height=1063&scale=90&position=50%25,100%25",
    ),
    "studio": _preset(
        "on white, standing on a soft shadow, JPEG",
        f"{_ON_WHITE}&crop=subject&margin=12%25&shadow=contact",
    ),
    "matte": _preset("the alpha channel alone, PNG", "format=png&channels=alpha"),
}


def preset_spec(name: str) -> RenderSpec:
    """Raises InvalidSpec (parameter "preset") if there is none of this name."""
    if name not in PRESETS:
        raise InvalidSpec("preset", f"There is no preset “{name}”; there are {', '.join(PRESETS)}.")
    return PRESETS[name].spec
