"""What may come behind the subject, as parameters name it."""

import re
from dataclasses import dataclass

from PIL import ImageColor

from processing.errors import InvalidSpec

Colour = tuple[int, int, int, int]
WHITE: Colour = (255, 255, 255, 255)
DEFAULT_STRENGTH = 50

_HEX = r"(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})"
_COLOUR = re.compile(f"#?({_HEX})")
_GRADIENT = re.compile(f"gradient-#?({_HEX})-#?({_HEX})(?:-([0-9]{{1,3}}))?")
_BLUR = re.compile(r"blur(?:-([0-9]{1,3}))?")
_BACKDROP = re.compile(r"backdrop-([0-9a-f]{64})")
_WORDS = (
    "background must be “transparent”, a colour like #ff8800 or a CSS name, “blur”, “blur-20”, "
    "“gradient-ffffff-aaccff-90” or a backdrop of yours."
)


@dataclass(frozen=True, slots=True)
class Gradient:
    """From one colour to another; 0 degrees runs upwards, 90 to the right, as in CSS."""

    start: Colour
    end: Colour
    degrees: int = 180

    def __str__(self) -> str:
        return f"gradient-{colour_name(self.start)}-{colour_name(self.end)}-{self.degrees}"


@dataclass(frozen=True, slots=True)
class Blur:
    """The original, out of focus: strength 1..100."""

    strength: int = DEFAULT_STRENGTH

    def __str__(self) -> str:
        return f"blur-{self.strength}"


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A picture of one's own, by the SHA-256 of its file."""

    sha256: str

    def __str__(self) -> str:
        return f"backdrop-{self.sha256}"


Ground = Colour | Gradient | Blur | Backdrop


def ground_name(ground: Ground) -> str:
    return colour_name(ground) if isinstance(ground, tuple) else str(ground)


def colour_name(colour: Colour) -> str:
    return bytes(colour if colour[3] < 255 else colour[:3]).hex()


def parse_ground(value: str) -> Ground | None:
    """None for transparent. Raises InvalidSpec (parameter "background")."""
    value = value.lower()
    if value == "transparent":
        return None
    for pattern, read in ((_GRADIENT, _gradient), (_BLUR, _blur), (_BACKDROP, _backdrop)):
        if match := pattern.fullmatch(value):
            return read(match)
    return parse_colour(value)


def parse_colour(value: str) -> Colour:
    """RGBA 0..255 of ``#rgb[a]``, ``#rrggbb[aa]`` (without # as well) or a CSS name."""
    if match := _COLOUR.fullmatch(value.lower()):
        return _hex(match[1])
    if value.lower() not in ImageColor.colormap:
        raise InvalidSpec("background", _WORDS)
    # Not read from the table: Pillow replaces its entries as it uses them.
    red, green, blue = ImageColor.getrgb(value.lower())[:3]
    return red, green, blue, 255


def _hex(digits: str) -> Colour:
    if len(digits) <= 4:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue, alpha = bytes.fromhex(digits.ljust(8, "f"))
    return red, green, blue, alpha


def _gradient(match: "re.Match[str]") -> Gradient:
    degrees = int(match[3] or 180)
    if degrees > 360:
        raise InvalidSpec("background", "background: a gradient has 0 to 360 degrees.")
    return Gradient(_hex(match[1]), _hex(match[2]), degrees % 360)


def _blur(match: "re.Match[str]") -> Blur:
    strength = int(match[1] or DEFAULT_STRENGTH)
    if not 1 <= strength <= 100:
        raise InvalidSpec("background", "background: blur goes from blur-1 to blur-100.")
    return Blur(strength)


def _backdrop(match: "re.Match[str]") -> Backdrop:
    return Backdrop(match[1])
