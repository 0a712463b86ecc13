"""Reading the values of parameters. Each function raises InvalidSpec with the parameter's name."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from processing.errors import InvalidSpec

_INTEGER = re.compile(r"[0-9]{1,10}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,5}(?:\.[0-9]{1,3})?", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(%|px)", re.ASCII)

MAX_MARGIN = {"%": 50.0, "px": 500.0}


@dataclass(frozen=True, slots=True)
class Length:
    """So many pixels of the original ("px"), or percent of something that the user names ("%")."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:g}{self.unit}"

    def of(self, whole: float) -> float:
        """In px, when it is a part of ``whole`` px."""
        return self.value if self.unit == "px" else self.value * whole / 100


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in the upright original: left, top, right, bottom."""

    left: Length
    top: Length
    right: Length
    bottom: Length

    def __str__(self) -> str:
        return ",".join(map(str, (self.left, self.top, self.right, self.bottom)))

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """In whole px of an original of ``size``. Raises RegionOutside or RegionEmpty."""
        width, height = size
        left, right = (round(length.of(width)) for length in (self.left, self.right))
        top, bottom = (round(length.of(height)) for length in (self.top, self.bottom))
        if max(left, right) > width or max(top, bottom) > height:
            raise RegionOutside
        if left >= right or top >= bottom:
            raise RegionEmpty
        return left, top, right, bottom


class RegionOutside(InvalidSpec):
    def __init__(self) -> None:
        super().__init__("roi", "roi: the region reaches beyond the picture.")


class RegionEmpty(InvalidSpec):
    def __init__(self) -> None:
        super().__init__("roi", "roi: the region is empty.")


Margin = tuple[Length, Length, Length, Length]  # top, right, bottom, left, as in CSS
Position = tuple[float, float]  # across and down, 0..100


def pairs(text: str) -> dict[str, str]:
    """The parameters in a query string."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise InvalidSpec("spec", "There are too many parameters.") from error


def canonical(parts: Mapping[str, object]) -> str:
    """The query string of what is not None, in the given order."""
    written = {
        name: quote(str(value), safe=",") for name, value in parts.items() if value is not None
    }
    return "&".join(f"{name}={value}" for name, value in written.items())


def present(params: Mapping[str, str]) -> dict[str, str]:
    """Without blank values, which mean the default."""
    return {name: str(value).strip() for name, value in params.items() if str(value).strip()}


def refuse_unknown(values: Mapping[str, str], known: Collection[str]) -> None:
    for name in values:
        if name not in known:
            raise InvalidSpec(name, f"There is no parameter called “{name}”.")


def choice(values: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of ``allowed``, of which the first is the default."""
    value = values.get(name, allowed[0]).lower()
    if value not in allowed:
        raise InvalidSpec(name, f"{name} must be one of {', '.join(allowed)}.")
    return value


def integer(values: Mapping[str, str], name: str, lowest: int, highest: int) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if not _INTEGER.fullmatch(value) or not lowest <= int(value) <= highest:
        raise InvalidSpec(name, f"{name} must be a whole number from {lowest} to {highest}.")
    return int(value)


def decimal(values: Mapping[str, str], name: str, lowest: float, highest: float) -> float | None:
    """With at most three digits behind the point; none for 0, which is always the default."""
    value = values.get(name)
    if value is None:
        return None
    if not _DECIMAL.fullmatch(value) or not lowest <= float(value) <= highest:
        raise InvalidSpec(name, f"{name} must be a number from {lowest:g} to {highest:g}.")
    return float(value) or None


def margin(values: Mapping[str, str], name: str) -> Margin | None:
    """One, two or four lengths as in CSS, at most 50 % or 500 px a side; None if all are 0."""
    value = values.get(name)
    if value is None:
        return None
    lengths = [_length(part, name) for part in re.split(r"[\s,]+", value.lower())]
    if len(lengths) not in (1, 2, 4):
        raise InvalidSpec(name, f"{name} must be one, two or four lengths.")
    whole = (lengths * 4)[:4] if len(lengths) < 4 else lengths
    top, right, bottom, left = whole
    return (top, right, bottom, left) if any(length.value for length in whole) else None


def _length(text: str, name: str) -> Length:
    match = _LENGTH.fullmatch(text)
    if match is None and text == "0":
        return Length(0, "px")
    if match is None or float(match[1]) > MAX_MARGIN[match[2]]:
        raise InvalidSpec(
            name, f"{name} must be lengths like 10% (up to 50%) or 30px (up to 500px)."
        )
    return Length(float(match[1]), match[2])


def region(values: Mapping[str, str], name: str) -> Region | None:
    """Left, top, right and bottom, each in px or percent of the picture; None for all of it."""
    value = values.get(name)
    if value is None:
        return None
    found = [_LENGTH.fullmatch(part) for part in re.split(r"[\s,]+", _with_units(value.lower()))]
    if len(found) != 4 or not all(found):
        raise InvalidSpec(name, f"{name} must be four lengths: left, top, right, bottom.")
    lengths = [Length(float(match[1]), match[2]) for match in found if match]
    if any(length.unit == "%" and length.value > 100 for length in lengths):
        raise RegionOutside
    left, top, right, bottom = lengths
    whole = [str(length) for length in lengths[2:]] == ["100%", "100%"]
    if whole and not (left.value or top.value):
        return None
    return Region(left, top, right, bottom)


def _with_units(text: str) -> str:
    """A zero needs none."""
    return re.sub(r"(?<![\d.])0(?=[\s,]|$)", "0px", text)


def position(values: Mapping[str, str], name: str) -> Position | None:
    """``center``, ``X%`` for both ways, or ``X%,Y%``."""
    value = values.get(name)
    if value is None:
        return None
    if value.lower() in ("center", "centre"):
        return 50, 50
    parts = re.split(r"[\s,]+", value)
    numbers = [_percent(part, name) for part in parts]
    if len(numbers) > 2:
        raise InvalidSpec(name, f"{name} must be “center”, “X%” or “X%,Y%”.")
    return numbers[0], numbers[-1]


def _percent(text: str, name: str) -> float:
    match = _LENGTH.fullmatch(text)
    if match is None or match[2] != "%" or float(match[1]) > 100:
        raise InvalidSpec(name, f"{name} must be “center”, “X%” or “X%,Y%”, from 0% to 100%.")
    return float(match[1])


def percents(position: Position) -> str:
    return ",".join(f"{part:g}%" for part in position)


def margins(margin: Margin) -> str:
    """The shortest way to write it."""
    top, right, bottom, left = margin
    shortest = [top, right, bottom, left]
    if left == right and top == bottom:
        shortest = [top] if top == right else [top, right]
    return ",".join(map(str, shortest))
