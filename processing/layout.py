"""Where the picture comes to lie on the canvas of a rendition: numbers only, no pixels."""

from dataclasses import dataclass
from math import ceil, floor

from .errors import InvalidSpec
from .spec import RenderSpec

Box = tuple[int, int, int, int]
Floats = tuple[float, float, float, float]

# A canvas of chosen size may be larger than the picture, so it needs a limit of its own.
MAX_CANVAS_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """canvas: px of the rendition. source: the part of the original that shows, in px of the
    original. target: where it shows, in px of the canvas, and inside it. frame: the part of the
    original, or what would be there beside it, that the canvas stands for; None when the subject
    was moved. subject: the box of the subject, in px of the canvas.
    """

    canvas: tuple[int, int]
    source: Floats
    target: Box
    frame: Floats | None
    subject: Box

    def is_whole(self, size: tuple[int, int]) -> bool:
        """Whether the whole original fills the whole canvas."""
        whole = (0.0, 0.0, float(size[0]), float(size[1]))
        return self.source == whole and self.target == (0, 0, *self.canvas)

    @property
    def region(self) -> Box:
        """The whole pixels of the original that the source touches."""
        left, top, right, bottom = self.source
        return floor(left), floor(top), ceil(right), ceil(bottom)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One dimension: a point x of the original comes to lie at ``offset + zoom * x``."""

    zoom: float
    offset: float

    def place(self, start: float, end: float, length: int) -> tuple[float, float, int, int]:
        """(source start, source end, target start, target end), cut at the ends of the canvas."""
        first, last = (self.offset + self.zoom * x for x in (start, end))
        first, last = max(0.0, first), min(float(length), last)
        begin = min(round(first), length - 1)
        finish = min(max(begin + 1, round(last)), length)
        inner = [min(max((x - self.offset) / self.zoom, start), end) for x in (first, last)]
        return _tidy(inner[0]), _tidy(inner[1]), begin, finish


def _tidy(value: float) -> float:
    """Whole numbers stay whole: rounding errors must not ask for a resize."""
    return float(round(value)) if abs(value - round(value)) < 1e-6 else value


def lay_out(
    spec: RenderSpec, size: tuple[int, int], bbox: Box | None, *, reach: float = 0
) -> Layout:
    """Where an original of ``size`` px with its subject in ``bbox`` lies for ``spec``.

    reach: px by which the subject's edges may grow beyond ``bbox``. Without a subject the whole
    picture counts as one. Raises InvalidSpec when the format cannot hold the canvas, or it is
    larger than 50 megapixels without need.
    """
    subject = bbox or (0, 0, *size)
    frame = _frame(spec, size, subject)
    canvas, content = _canvas(spec, frame, size)
    spec.check_size(canvas)
    framed = [_Axis(content[i] / (frame[i + 2] - frame[i]), 0.0) for i in (0, 1)]
    if spec.scale is None and spec.position is None:
        axes = [
            _Axis(framed[i].zoom, (canvas[i] - content[i]) // 2 - framed[i].zoom * frame[i])
            for i in (0, 1)
        ]
        shown = _overlap(frame, size) if spec.crop == "subject" else (0, 0, *size)
        return _layout(canvas, axes, shown, subject, _seen(axes, canvas))
    axes = _moved(spec, canvas, subject, framed)
    return _layout(canvas, axes, _grown(subject, size, reach), subject, None)


def _frame(spec: RenderSpec, size: tuple[int, int], subject: Box) -> Box:
    if spec.crop == "none":
        return 0, 0, *size
    left, top, right, bottom = subject
    if spec.margin is None:
        return subject
    width, height = right - left, bottom - top
    above, beside, below, before = spec.margin
    return (
        left - round(before.of(width)),
        top - round(above.of(height)),
        right + round(beside.of(width)),
        bottom + round(below.of(height)),
    )


def _canvas(
    spec: RenderSpec, frame: Box, whole: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(size of the canvas, size of the frame on it), in px."""
    size = (frame[2] - frame[0], frame[3] - frame[1])
    if spec.width is None or spec.height is None:
        fitted = spec.fit(size)
        if fitted[0] * fitted[1] > max(MAX_CANVAS_PIXELS, whole[0] * whole[1]):
            raise InvalidSpec(
                "margin",
                "The margin makes the picture larger than "
                f"{MAX_CANVAS_PIXELS // 1_000_000} megapixels; ask for a max_side as well.",
            )
        return fitted, fitted
    canvas = _limited(spec, (spec.width, spec.height))
    if canvas[0] * canvas[1] > MAX_CANVAS_PIXELS:
        raise InvalidSpec(
            "width", f"width times height must be at most {MAX_CANVAS_PIXELS // 1_000_000} million."
        )
    zoom = min(1.0, canvas[0] / size[0], canvas[1] / size[1])
    return canvas, (max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom)))


def _limited(spec: RenderSpec, canvas: tuple[int, int]) -> tuple[int, int]:
    """An exact canvas obeys ``max_side`` and ``max_pixels`` too, as a whole."""
    limits = RenderSpec(max_side=spec.max_side, max_pixels=spec.max_pixels)
    return limits.fit(canvas)


def _moved(
    spec: RenderSpec, canvas: tuple[int, int], subject: Box, framed: list[_Axis]
) -> list[_Axis]:
    lengths = (subject[2] - subject[0], subject[3] - subject[1])
    zooms = [axis.zoom for axis in framed]
    if spec.scale is not None:
        zooms = [min(canvas[i] * spec.scale / 100 / lengths[i] for i in (0, 1))] * 2
    zooms = [max(zooms[i], 1 / lengths[i]) for i in (0, 1)]  # never less than a pixel
    position = spec.position or (50.0, 50.0)
    return [
        _Axis(
            zooms[i],
            round((canvas[i] - lengths[i] * zooms[i]) * position[i] / 100) - zooms[i] * subject[i],
        )
        for i in (0, 1)
    ]


def _layout(
    canvas: tuple[int, int],
    axes: list[_Axis],
    shown: Box,
    subject: Box,
    frame: Floats | None,
) -> Layout:
    source, target = _placed(axes, shown, canvas)
    return Layout(canvas, source, target, frame, _placed(axes, subject, canvas)[1])


def _placed(axes: list[_Axis], box: Box, canvas: tuple[int, int]) -> tuple[Floats, Box]:
    across = axes[0].place(box[0], box[2], canvas[0])
    down = axes[1].place(box[1], box[3], canvas[1])
    source = (across[0], down[0], across[1], down[1])
    return source, (across[2], down[2], across[3], down[3])


def _seen(axes: list[_Axis], canvas: tuple[int, int]) -> Floats:
    """What the canvas shows, in px of the original; it may reach beyond the original."""
    starts = [-axis.offset / axis.zoom for axis in axes]
    ends = [(canvas[i] - axes[i].offset) / axes[i].zoom for i in (0, 1)]
    return starts[0], starts[1], ends[0], ends[1]


def _overlap(frame: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = frame
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def _grown(box: Box, size: tuple[int, int], by: float) -> Box:
    left, top, right, bottom = box
    more = ceil(by)
    return _overlap((left - more, top - more, right + more, bottom + more), size)
