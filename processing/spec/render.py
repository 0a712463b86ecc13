"""What is asked of a rendition."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from processing.errors import InvalidSpec

from . import values as read
from .formats import MAX_PIXELS, MAX_SIDE, OUTPUT_FORMATS
from .grounds import WHITE, Ground, ground_name, parse_ground
from .values import Margin, Position

SHADOWS = ("none", "drop", "contact", "car", "3d")
SHADOW_OPACITY = 50
MAX_SHIFT = 100.0
MAX_FEATHER = 100.0


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """What a rendition looks like. ``None`` always means the default.

    background: what comes behind, None for transparent (white where the format has no alpha).
    crop: "subject" for the subject with ``margin`` around it (percent are of the subject's size).
    width, height: px to fit inside; both together are the exact size of the canvas. max_side: px of
    the longest side. max_pixels: limit of their product. None of these enlarges the picture.
    scale: 10..100, percent of the canvas that the subject fills. position: percent across and down.
    shadow: one of SHADOWS; shadow_opacity: 0..100.
    feather: px of the original by which edges are softened. shift: px that they move outwards (or
    inwards, below 0). quality: 1..100, for lossy formats.
    channels: "rgba", or "alpha" for the alpha channel alone.
    decontaminate: use the estimated foreground colours in the soft band.
    """

    format: str = "png"
    background: Ground | None = None
    crop: str = "none"
    margin: Margin | None = None
    width: int | None = None
    height: int | None = None
    max_side: int | None = None
    max_pixels: int | None = None
    scale: int | None = None
    position: Position | None = None
    shadow: str = "none"
    shadow_opacity: int | None = None
    feather: float | None = None
    shift: float | None = None
    quality: int | None = None
    channels: str = "rgba"
    decontaminate: bool = True

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> "RenderSpec":
        """Read the parameters of a request; blank values mean the default.

        Raises InvalidSpec with the name of the first parameter that is unknown or wrong.
        """
        values = read.present(params)
        read.refuse_unknown(values, [field.name for field in fields(cls)])
        name = read.choice(values, "format", tuple(OUTPUT_FORMATS))
        crop = read.choice(values, "crop", ("none", "subject"))
        shadow = read.choice(values, "shadow", SHADOWS)
        margin = read.margin(values, "margin")
        opacity = read.integer(values, "shadow_opacity", 0, 100)
        return cls(
            format=name,
            background=_background(values.get("background"), name),
            crop=crop,
            margin=margin if crop == "subject" else None,
            width=read.integer(values, "width", 1, MAX_SIDE),
            height=read.integer(values, "height", 1, MAX_SIDE),
            max_side=read.integer(values, "max_side", 1, MAX_SIDE),
            max_pixels=read.integer(values, "max_pixels", 1, MAX_PIXELS),
            scale=read.integer(values, "scale", 10, 100),
            position=read.position(values, "position"),
            shadow="none" if opacity == 0 else shadow,
            shadow_opacity=None if shadow == "none" or opacity in (0, SHADOW_OPACITY) else opacity,
            feather=read.decimal(values, "feather", 0, MAX_FEATHER),
            shift=read.decimal(values, "shift", -MAX_SHIFT, MAX_SHIFT),
            quality=_quality(values, name),
            channels=read.choice(values, "channels", ("rgba", "alpha")),
            decontaminate=read.choice(values, "decontaminate", ("1", "0")) == "1",
        )

    @classmethod
    def parse(cls, canonical: str) -> "RenderSpec":
        """Read what ``str(spec)`` wrote. Raises InvalidSpec."""
        return cls.from_params(read.pairs(canonical))

    def __str__(self) -> str:
        parts: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        parts |= {
            "background": self.background and ground_name(self.background),
            "crop": None if self.crop == "none" else self.crop,
            "margin": self.margin and read.margins(self.margin),
            "position": self.position and read.percents(self.position),
            "shadow": None if self.shadow == "none" else self.shadow,
            "feather": self.feather and f"{self.feather:g}",
            "shift": self.shift and f"{self.shift:g}",
            "channels": None if self.channels == "rgba" else self.channels,
            "decontaminate": None if self.decontaminate else "0",
        }
        return read.canonical(parts)

    def params(self) -> dict[str, str]:
        """The parameters that make this spec, without those that are at their default."""
        return read.pairs(str(self))

    @property
    def content_type(self) -> str:
        return OUTPUT_FORMATS[self.format].content_type

    @property
    def extension(self) -> str:
        return OUTPUT_FORMATS[self.format].extension

    @property
    def is_whole(self) -> bool:
        """Whether the picture is shown as it lies: not cropped, not moved, not padded."""
        exact = self.width is not None and self.height is not None
        return self.crop == "none" and self.scale is None and self.position is None and not exact

    def fit(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size in px of what shows ``size`` px whole: never larger, at least 1 x 1.

        Raises InvalidSpec (parameter "format") when the format cannot hold it.
        """
        fitted = self._shrunk(size)
        self.check_size(fitted)
        return fitted

    def _shrunk(self, size: tuple[int, int]) -> tuple[int, int]:
        """As ``fit``, whether the format can hold it or not."""
        width, height = size
        scale = min(1.0, (self.width or width) / width, (self.height or height) / height)
        if self.max_side is not None:
            scale = min(scale, self.max_side / max(size))
        if self.max_pixels is not None:
            scale = min(scale, (self.max_pixels / (width * height)) ** 0.5)
        width, height = (max(1, round(side * scale)) for side in size)
        if self.max_pixels is not None and width * height > self.max_pixels:
            width, height = (max(1, int(side * scale)) for side in size)
            # Still too many only where the short side was rounded up to 1 px.
            width, height = min(width, self.max_pixels), min(height, self.max_pixels)
        return width, height

    def for_size(self, size: tuple[int, int]) -> "RenderSpec":
        """The shortest spec that gives the same output for an original of ``size``.

        So that a cache holds one file, however its size was asked for. Raises InvalidSpec.
        """
        if not self.is_whole:
            return self
        width, height = self.fit(size)
        sides: list[dict[str, int]] = [
            {},
            {"width": width},
            {"height": height},
            {"max_side": max(width, height)},
        ]
        free = replace(self, width=None, height=None, max_side=None, max_pixels=None)
        for limits in sides:
            same = replace(free, **limits)  # type: ignore[arg-type]
            if same._shrunk(size) == (width, height):  # without limits it may hold no such size
                return same
        return self

    def check_size(self, size: tuple[int, int]) -> None:
        """Raises InvalidSpec (parameter "format") when the format cannot hold ``size``."""
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
        if self.format == "webp":
            return {"quality": quality, "method": 2}
        if self.format == "avif":
            return {"quality": quality, "speed": 8}
        return {"quality": quality, "optimize": False, "subsampling": "4:2:0"}


def _quality(values: Mapping[str, str], format_name: str) -> int | None:
    quality = read.integer(values, "quality", 1, 100)
    default = OUTPUT_FORMATS[format_name].quality
    return None if default is None or quality == default else quality


def _background(value: str | None, format_name: str) -> Ground | None:
    ground = None if value is None else parse_ground(value)
    if isinstance(ground, tuple):
        invisible = ground[3] == 0 or (not OUTPUT_FORMATS[format_name].alpha and ground == WHITE)
        return None if invisible else ground
    return ground


THUMBNAIL = RenderSpec(format="webp", max_side=480)
DISPLAY = RenderSpec(format="webp", max_side=2048)
