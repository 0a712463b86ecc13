"""From a picture to its matte: the only place where the steps are put in order."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from PIL import Image

from .confidence import judge
from .copies import flatten, limit, limit_size
from .edges import Refined, refine
from .engines import Engine, Prediction
from .errors import NothingFound
from .foreground import EDGES_SIDE, estimate_edges
from .imageio import PREVIEW_SIDE
from .matte import bounding_box, clean, coverage, enlarge
from .spec import ExtractSpec

Pixels = Image.Image  # by a name of ours, for rooms that do not import PIL

# Raw peaks below this mean an empty scene; docs/engines.md has the measurement.
PEAK_OF_NOTHING = 0.2


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one run of an engine gives.

    matte: L, of the full size. edges: RGB of at most 2048 px a side, foreground colours in the soft
    band and zero elsewhere, or None where nothing is soft. bbox: left, top, right, bottom in px of
    the full size. coverage: mean alpha, 0..1. confidence: 0..1, how sure the engine is, or None
    where it was a person. timings: milliseconds by stage. needs_look: whether a person should look
    at it. refinement: in a word, what became of the edges. answered_by: see Prediction.
    """

    matte: Image.Image
    edges: Image.Image | None
    bbox: tuple[int, int, int, int] | None
    coverage: float
    confidence: float | None
    timings: dict[str, float]
    needs_look: bool = False
    refinement: str = ""
    answered_by: str = ""


@dataclass(slots=True)
class _Clock:
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings[stage] = round((time.perf_counter() - started) * 1000, 1)


def extract(
    image: Image.Image,
    engine: Engine,
    spec: ExtractSpec,
    *,
    full_size: tuple[int, int] | None = None,
) -> Extraction:
    """Find the subject of an RGB or RGBA picture.

    image: upright, or a reduced copy of it; then ``full_size`` is the size the matte is made for.
    The picture's own transparency is not in the matte (``render`` multiplies it in); it is filled
    with grey so that what lies hidden under it cannot mislead the engine.
    Raises NothingFound, or RegionOutside and RegionEmpty where the region does not fit.
    """
    if spec.roi is not None:
        return _extract_region(image, engine, spec, full_size or image.size)
    step = _Clock()
    with step("prepare"):
        copy = flatten(limit(image, EDGES_SIDE))
    with step("predict"):
        prediction = engine.predict(copy)
    _require_subject(prediction)
    with step("clean"):
        small = clean(prediction.matte)
        judgement = judge(prediction, small)
    refined = Refined(small, "")
    if spec.refine_edges != "off":
        with step("refine"):
            refined = refine(copy, small, spec.refine_edges)
    with step("edges"):
        edges = estimate_edges(copy, enlarge(refined.matte, copy.size))
    with step("enlarge"):
        matte = enlarge(refined.matte, full_size or image.size)
    with step("measure"):
        bbox, covered = bounding_box(matte), coverage(refined.matte)
    return Extraction(
        matte,
        edges,
        bbox,
        covered,
        judgement.confidence,
        step.timings,
        judgement.needs_look,
        refined.why,
        prediction.answered_by,
    )


def _extract_region(
    image: Image.Image, engine: Engine, spec: ExtractSpec, full_size: tuple[int, int]
) -> Extraction:
    """The engine sees the region alone, at a better scale than in the whole picture."""
    assert spec.roi is not None
    box = spec.roi.box(full_size)
    size = (box[2] - box[0], box[3] - box[1])
    near = _scaled(box, full_size, image.size)
    part = extract(image.crop(near), engine, replace(spec, roi=None), full_size=size)
    matte = Image.new("L", full_size)
    matte.paste(part.matte, box[:2])
    edges = None
    if part.edges is not None:
        copy = limit_size(image.size, EDGES_SIDE)
        place = _scaled(box, full_size, copy)
        edges = Image.new("RGB", copy)
        inner = (place[2] - place[0], place[3] - place[1])
        edges.paste(part.edges.resize(inner, Image.Resampling.NEAREST), place[:2])
    bbox = part.bbox and (
        part.bbox[0] + box[0],
        part.bbox[1] + box[1],
        part.bbox[2] + box[0],
        part.bbox[3] + box[1],
    )
    covered = part.coverage * size[0] * size[1] / (full_size[0] * full_size[1])
    return replace(part, matte=matte, edges=edges, bbox=bbox, coverage=covered)


def adopt(image: Image.Image, matte: Image.Image) -> Extraction:
    """What ``extract`` gives, for a matte (L) that somebody painted, of the picture's full size.

    image: RGB or RGBA, upright, or a reduced copy. The matte stays as it is. Raises NothingFound
    if it shows nothing.
    """
    step = _Clock()
    with step("measure"):
        bbox, covered = bounding_box(matte), coverage(matte)
    if bbox is None:
        raise NothingFound("The matte that was sent is empty: nothing of the picture would remain.")
    with step("prepare"):
        copy = flatten(limit(image, EDGES_SIDE))
    with step("edges"):
        small = matte.resize(copy.size, Image.Resampling.BILINEAR, reducing_gap=2)
        edges = estimate_edges(copy, small)
    return Extraction(matte, edges, bbox, covered, None, step.timings)


def _scaled(
    box: tuple[int, int, int, int], full: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The same box in a copy of another size; at least one pixel."""
    across, down = size[0] / full[0], size[1] / full[1]
    left, top = min(int(box[0] * across), size[0] - 1), min(int(box[1] * down), size[1] - 1)
    right = min(size[0], max(left + 1, round(box[2] * across)))
    bottom = min(size[1], max(top + 1, round(box[3] * down)))
    return left, top, right, bottom


def make_preview(image: Image.Image) -> Image.Image:
    """A copy of at most 2048 px a side, keeping the mode (RGB or RGBA).

    It is also the best thing to give to ``extract``, which would otherwise make one for itself.
    """
    preview = limit(image, PREVIEW_SIDE)
    return preview.copy() if preview is image else preview


def _require_subject(prediction: Prediction) -> None:
    if prediction.peak < PEAK_OF_NOTHING:
        raise NothingFound()
