"""From strokes to a matte.

The matte that is there stays the opinion about every pixel until a stroke contradicts it. Around
such a stroke, as far as one gets through colours like those under it (farther for larger strokes),
the opinion is that of two models of colours: of what lies under those strokes, and of what has the
other label. Walks over the grid (see ``walks``) then settle where the border is. Only pixels that
change their side are changed at all, so hair elsewhere keeps its softness; their edges follow the
picture's by a guided filter (He et al., "Guided image filtering", PAMI 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from processing.copies import flatten, limit, limit_size

from . import colours, walks
from .guide import follow
from .strokes import KEEP, MOST_WORK, REMOVE, Stroke, draw_strokes, drawing_work

WORKING_SIDE = 1024
GRID = 384  # longest side, in px, of what the walks are done on

STEEPNESS = 0.3  # how much an edge of usual contrast keeps walks from crossing it
PULL = 0.005  # of a sure opinion, against 1 between two pixels of one colour
PULL_OF_STROKES = 100.0
SURE = 3.0  # the most, in log odds, that the old matte has to say
EVIDENCE = 1.5  # what colours count against it
CONVINCED = 4.0  # how much the pull grows with odds beyond that: thin parts are held by it
MARGIN = 1.0  # log odds: colours that are hardly likelier than the others' are no evidence
REACH = 2.0  # of a stroke, in square roots of its area
REACHES = (6.0, 50.0)  # least and most, in px of half the grid
ROUNDS = 2  # in the second, what the stroke seems to mean no longer counts among the others
LIKELY = 0.3  # of the usual cost: going through colours that surely are the stroke's
DISTANCE_OF_COLOURS = 0.01  # of a step in colour beyond the usual one, 0..255, against one reach
DISTANCE_OF_STRANGERS = 0.05  # of a pixel whose colour is of the other model, per log odds
GRID_MARGIN = 4  # px of the grid that filters look beyond what has changed
NEARBY = 0.05  # below this, nothing changes

Size = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Level:
    """The picture at one scale: colours float32 (height, width, 3), and how walks pass."""

    size: Size
    colours: np.ndarray
    weights: walks.Weights


@dataclass(frozen=True, slots=True)
class Prepared:
    """What only depends on the picture. image: RGB, the working copy. levels: coarsest first."""

    image: Image.Image
    levels: Sequence[Level]
    cells: np.ndarray


def prepare(image: Image.Image) -> Prepared:
    """Do once per picture (RGB or RGBA) what all its strokes need: some 8 MB for a photograph."""
    working = flatten(limit(image, WORKING_SIDE, Image.Resampling.BOX))
    small = limit(working, GRID, Image.Resampling.BOX)
    sizes = [small.size]
    while max(sizes[-1]) >= 2 * walks.COARSEST and min(sizes[-1]) >= 8:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    levels = [_level(small, size) for size in reversed(sizes)]
    return Prepared(working, levels, colours.cells(small))


def refine_by_strokes(
    picture: Prepared,
    matte: Image.Image | None,
    strokes: Sequence[Stroke],
    *,
    full_size: Size,
    roi: Box | None = None,
) -> Image.Image:
    """The matte (L, of the working copy's size) after these strokes.

    matte: L, of any size; the whole picture maps onto it; None where there is none yet. full_size:
    of the picture that strokes and `roi` (left, top, right, bottom in px) are given in; outside
    of `roi` everything is background. The same strokes give the same matte.
    """
    size = picture.image.size
    before = Image.new("L", size) if matte is None else matte
    before = shrink(before, picture)
    after = before
    if strokes:
        prior, changed, settled = _settle(picture, before, strokes, full_size)
        if changed.any():
            after = _apply(picture, before, prior, changed, settled)
        marks = draw_strokes(strokes, full_size=full_size, size=size)
        pixels = np.where(marks == KEEP, 255, np.where(marks == REMOVE, 0, np.asarray(after)))
        after = Image.fromarray(pixels.astype(np.uint8))
    return after if roi is None else _inside(after, roi, full_size)


def is_too_much(strokes: Sequence[Stroke], *, full_size: Size) -> bool:
    """Whether to draw these would take longer than somebody waits: thousands of huge dabs."""
    size = limit_size(full_size, WORKING_SIDE)
    return drawing_work(strokes, full_size=full_size, size=size) > MOST_WORK


def shrink(matte: Image.Image, picture: Prepared) -> Image.Image:
    """A matte (L) at the size that strokes are worked on."""
    return matte.resize(picture.image.size, Image.Resampling.BILINEAR, reducing_gap=2)


def carry_over(
    full: Image.Image | None, after: Image.Image, *, full_size: Size, roi: Box | None = None
) -> Image.Image:
    """Bring a refined matte (L) to the full size: where nothing was refined, `full` stays exact.

    full: the matte before (L, of `full_size`), or None if there was none.
    """
    if full is None:
        full = Image.new("L", full_size)
    before = full.resize(after.size, Image.Resampling.BILINEAR, reducing_gap=2)
    touched = ImageChops.difference(before, after).point([0] + [255] * 255)
    touched = touched.filter(ImageFilter.MaxFilter(3))
    large = after.resize(full_size, Image.Resampling.BICUBIC)
    mixed = Image.composite(large, full, touched.resize(full_size, Image.Resampling.BILINEAR))
    return mixed if roi is None else _inside(mixed, roi, full_size)


def _settle(
    picture: Prepared, before: Image.Image, strokes: Sequence[Stroke], full_size: Size
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """On the grid: the old matte, which pixels change sides, and the new matte. All 0..1."""
    size = picture.levels[-1].size
    prior = np.asarray(before.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
    marks = draw_strokes(strokes, full_size=full_size, size=size)
    keep = _Side(picture, prior, marks, KEEP)
    remove = _Side(picture, 1 - prior, marks, REMOVE)
    odds = np.clip(np.log((prior + 0.02) / (1.02 - prior)), -SURE, SURE)
    odds = odds * (1 - np.maximum(keep.near, remove.near))
    odds += EVIDENCE * (keep.near * keep.evidence - remove.near * remove.evidence)
    found = walks.spread(_pyramid(picture.levels, odds, marks))
    settled = np.clip((found - 0.5) * 4 + 0.5, 0, 1)
    more = np.maximum(settled - prior, 0) * np.clip(keep.near / NEARBY, 0, 1)
    less = np.maximum(prior - settled, 0) * np.clip(remove.near / NEARBY, 0, 1)
    settled = np.where(marks == 0, prior + more - less, marks == KEEP).astype(np.float32)
    return prior, (settled > 0.5) != (prior > 0.5), settled


class _Side:
    """What strokes of one kind say. near: 0..1, how much each pixel is their business.

    evidence: log odds by colour that a pixel belongs to what lies under those strokes that
    contradict the matte; the others confirm it, and have nothing to say about other pixels.
    """

    def __init__(self, picture: Prepared, prior: np.ndarray, marks: np.ndarray, sign: int) -> None:
        here = marks == sign
        wrong = here & (prior < 0.5)
        self.near = self.evidence = np.zeros_like(prior)
        if wrong.any():
            own = colours.model(picture.cells, wrong.astype(np.float32))
            weights = (1 - prior) * ~here
            for _ in range(ROUNDS):
                others = colours.model(picture.cells, weights * (1 - self.near))
                odds = np.clip(np.log(own / others), -4, 4) - np.float32(MARGIN)
                self.evidence = odds[picture.cells]
                self.near = _nearness(picture, wrong, self.evidence)


def _nearness(picture: Prepared, wrong: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """Falls from 1 at the strokes to 0, the sooner the more the colours on the way differ."""
    level = picture.levels[-2] if len(picture.levels) > 1 else picture.levels[-1]
    start = _resized(wrong.astype(np.float32), level.size) > 0
    reach = min(REACHES[1], max(REACHES[0], REACH * float(start.sum()) ** 0.5))
    seen = _resized(evidence, level.size)
    likely = np.clip(1 - seen / SURE, LIKELY, 1) / np.float32(reach)
    cost = likely + np.float32(DISTANCE_OF_STRANGERS) * np.maximum(0, -seen)
    steps, aside = _steps(level.colours)
    far = walks.distances(start, cost, steps, aside)
    far = _resized(np.minimum(far, 4), picture.levels[-1].size, Image.Resampling.BILINEAR)
    near: np.ndarray = np.exp(-np.square(far))
    near[wrong] = 1
    return near


def _steps(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it costs to pass from one colour to the next, down and to the right.

    Steps that are usual in this picture (its texture) cost nothing.
    """
    down = np.sqrt(np.square(np.diff(pixels, axis=0)).sum(axis=2))
    right = np.sqrt(np.square(np.diff(pixels, axis=1)).sum(axis=2))
    total = float(down.sum()) + float(right.sum())
    usual = np.float32(total / max(1, down.size + right.size))
    factor = np.float32(DISTANCE_OF_COLOURS)
    return factor * np.maximum(0, down - usual), factor * np.maximum(0, right - usual)


def _pyramid(
    levels: Sequence[Level], odds: np.ndarray, marks: np.ndarray
) -> list[tuple[walks.Weights, np.ndarray, np.ndarray]]:
    """The same problem at all scales: weights, pulls and targets."""
    target = 1 / (1 + np.exp(-odds))
    pull = np.float32(PULL) * np.abs(2 * target - 1) + np.float32(1e-4)
    pull = pull * (1 + CONVINCED * np.maximum(0, np.abs(odds) - SURE))
    kept, removed = (marks == KEEP).astype(np.float32), (marks == REMOVE).astype(np.float32)
    problems = []
    for level in levels:
        here = _resized(pull, level.size)
        wanted = _resized(pull * target, level.size) / here
        keep, remove = _resized(kept, level.size), _resized(removed, level.size)
        # A pixel here stands for many of the grid, and they all pull.
        here = here * np.float32(odds.size / here.size)
        wanted = np.where(keep > np.maximum(remove, 0.3), 1, np.where(remove > 0.3, 0, wanted))
        here = np.where(np.maximum(keep, remove) > 0.3, PULL_OF_STROKES, here)
        problems.append((level.weights, here.astype(np.float32), wanted.astype(np.float32)))
    return problems


def _apply(
    picture: Prepared,
    before: Image.Image,
    prior: np.ndarray,
    changed: np.ndarray,
    settled: np.ndarray,
) -> Image.Image:
    """Put what has changed, and a few pixels around it, into the matte of the working size."""
    mask = Image.fromarray(changed.astype(np.uint8) * 255)
    mask = mask.filter(ImageFilter.BoxBlur(4)).point([0] + [255] * 255)  # grown by 4 px
    mask = mask.filter(ImageFilter.BoxBlur(2))
    share = np.asarray(mask, np.float32) / np.float32(255)
    mixed = prior + (settled - prior) * share
    small, large = _boxes(share > 0, before.size)
    rows, columns = slice(small[1], small[3]), slice(small[0], small[2])
    grid = picture.levels[-1].colours[rows, columns]
    fine = follow(picture.image.crop(large), grid, mixed[rows, columns])
    size = (large[2] - large[0], large[3] - large[1])
    after = before.copy()
    after.paste(fine, large[:2], mask.resize(size, Image.Resampling.BILINEAR, box=small))
    # What a filter rounds must not come back where something was only removed, nor the reverse.
    if (settled <= prior).all():
        return ImageChops.darker(before, after)
    return ImageChops.lighter(before, after) if (settled >= prior).all() else after


def _boxes(mask: np.ndarray, size: Size) -> tuple[Box, Box]:
    """Around what is true on the grid, with room for filters, and the same in px of `size`.

    Both go over whole pixels: the one in the grid is cut so that it maps onto the other nearly.
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, right = max(0, columns[0] - GRID_MARGIN), min(width, columns[-1] + 1 + GRID_MARGIN)
    top, bottom = max(0, rows[0] - GRID_MARGIN), min(height, rows[-1] + 1 + GRID_MARGIN)
    across, down = size[0] / width, size[1] / height
    large = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    return (int(left), int(top), int(right), int(bottom)), large


def _inside(matte: Image.Image, roi: Box, full_size: Size) -> Image.Image:
    across, down = matte.width / full_size[0], matte.height / full_size[1]
    left, top = round(roi[0] * across), round(roi[1] * down)
    right, bottom = max(left + 1, round(roi[2] * across)), max(top + 1, round(roi[3] * down))
    only = Image.new("L", matte.size)
    only.paste(matte.crop((left, top, right, bottom)), (left, top))
    return only


def _level(small: Image.Image, size: Size) -> Level:
    pixels = np.asarray(small.resize(size, Image.Resampling.BOX).convert("YCbCr"), np.float32)
    pixels = pixels * np.array([1, 2, 2], np.float32)
    return Level(size, pixels, walks.coupling(pixels, STEEPNESS))


def _resized(
    values: np.ndarray, size: Size, how: Image.Resampling = Image.Resampling.BOX
) -> np.ndarray:
    if values.shape == (size[1], size[0]):
        return values
    plane = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(plane.resize(size, how))
