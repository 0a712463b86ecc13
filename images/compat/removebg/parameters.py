"""The parameters of POST /v1.0/removebg, and what they mean here.

A blank value is the default. Values that the interface documents are taken as it documents them;
anything else is refused with its code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from images.compat.removebg.errors import RemoveBgError
from processing.errors import InvalidSpec
from processing.spec import Backdrop, ExtractSpec, RenderSpec
from processing.spec.grounds import parse_colour

SOURCES = ("image_file", "image_file_b64", "image_url")
BACKGROUNDS = ("bg_color", "bg_image_url", "bg_image_file")
TYPES = ("auto", "person", "product", "car", "animal", "graphic", "transportation")
# How a type comes back: the only place where the interface uses other words.
TYPE_NAMES = {"graphic": "graphics", "auto": "other"}
LEVELS = ("none", "1", "2", "latest")
FORMATS = ("auto", "png", "jpg", "jpeg", "webp", "zip")
CHANNELS = ("rgba", "alpha")
SHADOWS = {"none": "none", "drop": "drop", "car": "car", "3d": "3d"}
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})

MEGAPIXEL = 1_000_000
PNG_PIXELS = 10 * MEGAPIXEL
SIZES: Mapping[str, int] = {
    "preview": MEGAPIXEL // 4,
    "small": MEGAPIXEL // 4,
    "regular": MEGAPIXEL // 4,
    "medium": 3 * MEGAPIXEL // 2,
    "hd": 4 * MEGAPIXEL,
    "full": 25 * MEGAPIXEL,
    "4k": 25 * MEGAPIXEL,
    "50mp": 50 * MEGAPIXEL,
    "auto": 50 * MEGAPIXEL,
}
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]+)?%", re.ASCII)
_UNITLESS_ZERO = re.compile(r"(?<![\w.%])0(?![\w.%])")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one request asks for, as far as it can be read without the picture.

    format: auto, png, jpg, webp or zip. max_pixels: of the size asked for, in a format other than
    PNG. render: everything but format, size and a background picture.
    """

    extract: ExtractSpec
    render: RenderSpec
    format: str
    max_pixels: int
    type: str

    @property
    def type_name(self) -> str:
        return TYPE_NAMES.get(self.type, self.type)

    def spec(self, *, opaque: bool, backdrop: Backdrop | None) -> RenderSpec:
        """What to render. opaque: nothing of the picture will be transparent."""
        name = {"auto": "jpg" if opaque else "png", "zip": "png"}.get(self.format, self.format)
        pixels = self.max_pixels
        if name == "png" and self.format != "zip":
            pixels = min(pixels, PNG_PIXELS)
        values = {field: getattr(self.render, field) for field in RenderSpec.__slots__}
        values |= {"format": "jpeg" if name == "jpg" else name, "max_pixels": pixels}
        if backdrop is not None:
            values["background"] = backdrop
        return RenderSpec(**values)

    @property
    def has_solid_ground(self) -> bool:
        """A colour behind it that lets nothing through."""
        ground = self.render.background
        return isinstance(ground, tuple) and ground[3] == 255


def read_wishes(given: Mapping[str, str], *, engine: str) -> Wishes:
    """Raises RemoveBgError with the code of the first parameter that is wrong."""
    values = {name.strip(): value.strip() for name, value in given.items() if value.strip()}
    kind = _choice(values, "type", TYPES)
    _choice(values, "type_level", LEVELS, default="1")
    _flag(values, "semitransparency", default=True)
    size = _choice(values, "size", tuple(SIZES), default="preview")
    name = _choice(values, "format", FORMATS)
    return Wishes(
        extract=_extract_spec(values, engine),
        render=_render_spec(values, kind),
        format="jpg" if name == "jpeg" else name,
        max_pixels=SIZES[size],
        type=kind,
    )


def only_source(present: Mapping[str, bool]) -> str:
    """The one source of the picture; raises missing_source or multiple_sources."""
    found = [name for name in SOURCES if present.get(name)]
    if not found:
        raise RemoveBgError("missing_source")
    if len(found) > 1:
        raise RemoveBgError("multiple_sources")
    return found[0]


def only_background(present: Mapping[str, bool]) -> str | None:
    """The one source of the background, if any; raises multiple_bg_sources."""
    found = [name for name in BACKGROUNDS if present.get(name)]
    if len(found) > 1:
        raise RemoveBgError("multiple_bg_sources")
    return found[0] if found else None


def _extract_spec(values: Mapping[str, str], engine: str) -> ExtractSpec:
    try:
        return ExtractSpec.parse({"engine": engine, "roi": values.get("roi", "")})
    except InvalidSpec as error:
        code = "roi_exceeds_bounds" if "beyond" in error.message else "invalid_roi"
        raise RemoveBgError(code, parameter="roi") from error


def _render_spec(values: Mapping[str, str], kind: str) -> RenderSpec:
    scale = _scale(values.get("scale", "original"))
    params = {
        "background": _colour(values.get("bg_color", "")),
        "crop": "subject" if _flag(values, "crop", default=False) else "none",
        "margin": _UNITLESS_ZERO.sub("0px", values.get("crop_margin", "")),
        "scale": scale,
        "position": _position(values.get("position", "")),
        "channels": _choice(values, "channels", CHANNELS),
        "shadow": _shadow(values, kind),
        "shadow_opacity": _opacity(values.get("shadow_opacity", "auto")),
    }
    try:
        return RenderSpec.from_params(params)
    except InvalidSpec as error:
        name = {"margin": "crop_margin", "background": "bg_color"}.get(
            error.parameter, error.parameter
        )
        raise RemoveBgError(f"invalid_{name}", parameter=name) from error


def _colour(value: str) -> str:
    if not value:
        return ""
    try:
        return bytes(parse_colour(value)).hex()
    except InvalidSpec as error:
        raise RemoveBgError("invalid_bg_color", parameter="bg_color") from error


def _scale(value: str) -> str:
    """Whole percents; fractions are rounded."""
    if value.lower() == "original":
        return ""
    if not _PERCENT.fullmatch(value) or not 10 <= float(value[:-1]) <= 100:
        raise RemoveBgError("invalid_scale", parameter="scale")
    return str(round(float(value[:-1])))


def _position(value: str) -> str:
    if value.lower() in ("", "original"):
        return ""
    return _UNITLESS_ZERO.sub("0%", value)


def _shadow(values: Mapping[str, str], kind: str) -> str:
    """`shadow_type[car]=...` is meant for pictures of that type alone."""
    wanted = _flag(values, "add_shadow", default=False)
    for_kind = values.get(f"shadow_type[{kind}]")
    name = (for_kind or values.get("shadow_type") or ("auto" if wanted else "none")).lower()
    if name == "auto":
        return {"car": "car", "product": "contact", "transportation": "car"}.get(kind, "drop")
    if name not in SHADOWS:
        raise RemoveBgError("invalid_shadow_type", parameter="shadow_type")
    return SHADOWS[name]


def _opacity(value: str) -> str:
    if value.lower() == "auto":
        return ""
    number = value.removesuffix("%")
    if not re.fullmatch(r"[0-9]{1,3}", number, re.ASCII) or int(number) > 100:
        raise RemoveBgError("invalid_shadow_opacity", parameter="shadow_opacity")
    return str(int(number))


def _flag(values: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = values.get(name)
    if value is None:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise RemoveBgError(f"invalid_{name}", parameter=name)


def _choice(
    values: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    value = values.get(name, default or allowed[0]).lower()
    if value not in allowed:
        raise RemoveBgError(f"invalid_{name}", parameter=name)
    return value
