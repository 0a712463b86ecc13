"""What is asked of an extraction and of a rendition, each with one canonical string.

The canonical string has a fixed order and leaves defaults out, so it can be compared, stored under
a unique key and put into an address: ``parse(str(spec)) == spec``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from PIL import ImageColor

from .engines.catalog import DEFAULT_ENGINE, ENGINES
from .errors import InvalidSpec, UnknownEngine

Colour = tuple[int, int, int, int]
WHITE: Colour = (255, 255, 255, 255)
MAX_SIDE = 30_000
MAX_PIXELS = 1_000_000_000

# Names of the API that a later version will know: better refused by name than silently ignored.
_NOT_YET = frozenset(
    (
        *("crop", "margin", "scale", "position", "shadow", "shadow_opacity", "feather", "shift"),
        *("roi", "preset"),
    )
)
_INTEGER = re.compile(r"[0-9]{1,10}")
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One format of renditions. ``max_side`` and ``max_pixels`` are what it can or may hold."""

    content_type: str
    extension: str
    alpha: bool = True
    quality: int | None = None
    max_side: int = MAX_SIDE
    max_pixels: int = MAX_PIXELS


OUTPUT_FORMATS: Mapping[str, OutputFormat] = {
    "png": OutputFormat("image/png", "png"),
    "webp": OutputFormat("image/webp", "webp", quality=85, max_side=16_383),
    "jpeg": OutputFormat("image/jpeg", "jpg", alpha=False, quality=90),
    # AVIF needs gigabytes for larger pictures.
    "avif": OutputFormat("image/avif", "avif", quality=70, max_pixels=16_000_000),
}


@dataclass(frozen=True, slots=True)
class ExtractSpec:
    """How a matte is to be made: by which engine, with which refinement of its edges."""

    engine: str = DEFAULT_ENGINE
    refine_edges: str = "off"

    @classmethod
    def parse(cls, source: str | Mapping[str, str]) -> "ExtractSpec":
        """Read a canonical string or a mapping of parameters (blank means the default).

        Raises UnknownEngine, or InvalidSpec with the parameter's name.
        """
        values = _present(_pairs(source) if isinstance(source, str) else source)
        _refuse_unknown(values, ("engine", "refine_edges"))
        engine = values.get("engine", DEFAULT_ENGINE)
        if engine not in ENGINES:
            raise UnknownEngine(engine)
        refine = values.get("refine_edges", "off")
        if refine != "off":
            raise InvalidSpec("refine_edges", "refine_edges must be “off” in this version.")
        return cls(engine, refine)

    def __str__(self) -> str:
        return f"engine={self.engine}"


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """What a rendition looks like. ``None`` always means the default.

    background: RGBA 0..255, None for transparent (white where the format has no alpha).
    width, height: px to fit inside; max_pixels: limit of their product; none of them enlarges.
    quality: 1..100, for lossy formats. channels: "rgba", or "alpha" for the alpha channel alone.
    decontaminate: use the estimated foreground colours in the soft band.
    """

    format: str = "png"
    background: Colour | None = None
    width: int | None = None
    height: int | None = None
    max_pixels: int | None = None
    quality: int | None = None
    channels: str = "rgba"
    decontaminate: bool = True

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> "RenderSpec":
        """Read the parameters of a request; blank values mean the default.

        Raises InvalidSpec with the name of the first parameter that is unknown or wrong.
        """
        values = _present(params)
        _refuse_unknown(values, cls.__slots__)
        name = _choice(values, "format", tuple(OUTPUT_FORMATS))
        return cls(
            format=name,
            background=_background(values.get("background"), name),
            width=_integer(values, "width", MAX_SIDE),
            height=_integer(values, "height", MAX_SIDE),
            max_pixels=_integer(values, "max_pixels", MAX_PIXELS),
            quality=_quality(values, name),
            channels=_choice(values, "channels", ("rgba", "alpha")),
            decontaminate=_choice(values, "decontaminate", ("1", "0")) == "1",
        )

    @classmethod
    def parse(cls, canonical: str) -> "RenderSpec":
        """Read what ``str(spec)`` wrote. Raises InvalidSpec."""
        return cls.from_params(_pairs(canonical))

    def __str__(self) -> str:
        parts = {
            "format": self.format,
            "background": self.background and _colour_name(self.background),
            "width": self.width,
            "height": self.height,
            "max_pixels": self.max_pixels,
            "quality": self.quality,
            "channels": None if self.channels == "rgba" else self.channels,
            "decontaminate": None if self.decontaminate else "0",
        }
        return "&".join(f"{name}={value}" for name, value in parts.items() if value is not None)

    @property
    def content_type(self) -> str:
        return OUTPUT_FORMATS[self.format].content_type

    @property
    def extension(self) -> str:
        return OUTPUT_FORMATS[self.format].extension

    def fit(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size in px that an original of ``size`` is rendered at; at least 1 x 1.

        Raises InvalidSpec (parameter "format") when the format cannot hold it.
        """
        width, height = size
        scale = min(1.0, (self.width or width) / width, (self.height or height) / height)
        if self.max_pixels is not None:
            scale = min(scale, (self.max_pixels / (width * height)) ** 0.5)
        width, height = (max(1, round(side * scale)) for side in size)
        if self.max_pixels is not None and width * height > self.max_pixels:
            width, height = (max(1, int(side * scale)) for side in size)
            # Still too many only where the short side was rounded up to 1 px.
            width, height = min(width, self.max_pixels), min(height, self.max_pixels)
        self._check((width, height))
        return width, height

    def for_size(self, size: tuple[int, int]) -> "RenderSpec":
        """The shortest spec that gives the same output for an original of ``size``.

        So that a cache holds one file, however its size was asked for. Raises InvalidSpec.
        """
        width, height = self.fit(size)
        for sides in ((None, None), (width, None), (None, height), (width, height)):
            same = replace(self, width=sides[0], height=sides[1], max_pixels=None)
            if same.fit(size) == (width, height):
                return same
        return self

    def _check(self, size: tuple[int, int]) -> None:
        limits = OUTPUT_FORMATS[self.format]
        if max(size) > limits.max_side:
            raise InvalidSpec(
                "format", f"{self.format} holds at most {limits.max_side} px a side; use png."
            )
        if size[0] * size[1] > limits.max_pixels:
            raise InvalidSpec(
                "format",
                f"{self.format} is limited to {limits.max_pixels // 1_000_000} megapixels; "
                "ask for a smaller size or another format.",
            )

    def encoder_options(self) -> dict[str, object]:
        """What Pillow's encoder is told: fast settings that lose little in size."""
        quality = self.quality or OUTPUT_FORMATS[self.format].quality
        if self.format == "png":
            return {"compress_level": 1}
        if self.format == "webp":
            return {"quality": quality, "method": 2}
        if self.format == "avif":
            return {"quality": quality, "speed": 8}
        return {"quality": quality, "optimize": False, "subsampling": "4:2:0"}


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise InvalidSpec("spec", "There are too many parameters.") from error


def _present(params: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value).strip() for name, value in params.items() if str(value).strip()}


def _refuse_unknown(values: Mapping[str, str], known: tuple[str, ...]) -> None:
    for name in values:
        if name in known:
            continue
        if name in _NOT_YET:
            raise InvalidSpec(name, f"The parameter {name} is not supported in this version.")
        raise InvalidSpec(name, f"There is no parameter called “{name}”.")


def _choice(values: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = values.get(name, allowed[0]).lower()
    if value not in allowed:
        raise InvalidSpec(name, f"{name} must be one of {', '.join(allowed)}.")
    return value


def _integer(values: Mapping[str, str], name: str, highest: int) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if not _INTEGER.fullmatch(value) or not 1 <= int(value) <= highest:
        raise InvalidSpec(name, f"{name} must be a whole number from 1 to {highest}.")
    return int(value)


def _quality(values: Mapping[str, str], format_name: str) -> int | None:
    quality = _integer(values, "quality", 100)
    default = OUTPUT_FORMATS[format_name].quality
    return None if default is None or quality == default else quality


def _background(value: str | None, format_name: str) -> Colour | None:
    if value is None or value.lower() == "transparent":
        return None
    colour = _parse_colour(value.lower())
    if colour[3] == 0 or (not OUTPUT_FORMATS[format_name].alpha and colour == WHITE):
        return None
    return colour


def _parse_colour(value: str) -> Colour:
    if match := _HEX.fullmatch(value):
        return _parse_hex(match[1])
    if value not in ImageColor.colormap:
        raise InvalidSpec(
            "background", "background must be “transparent”, a colour like #ff8800 or a CSS name."
        )
    # Not read from the table: Pillow replaces its entries as it uses them.
    red, green, blue = ImageColor.getrgb(value)[:3]
    return red, green, blue, 255


def _parse_hex(digits: str) -> Colour:
    if len(digits) <= 4:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue, alpha = bytes.fromhex(digits.ljust(8, "f"))
    return red, green, blue, alpha


def _colour_name(colour: Colour) -> str:
    return bytes(colour if colour[3] < 255 else colour[:3]).hex()


THUMBNAIL = RenderSpec(format="webp", width=480, height=480)
DISPLAY = RenderSpec(format="webp", width=2048, height=2048)
