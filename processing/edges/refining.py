"""The steps from a network's matte to one with finer edges; both kept beside each other."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from processing.loops import compiled, grown
from processing.matte import clean

from .enlarging import enlarge_along
from .mending import find_lost, mend, put_back
from .solve import Problem, solve

# Longest side in px of the first solution and the second, before what is unknown makes them less.
COARSE, FINE = 160, 400
# The fine solution of larger pictures: this part of their longest side, and at most so much.
FINE_SHARE, FINEST = 0.4, 640
# Unknown pixels that are worth their time; with more, the sides are less.
MOST_COARSE, MOST_FINE = 12_000, 40_000
# Alpha that the network means by sure.
LOW, HIGH = 0.05, 0.95
# How far a band reaches beyond what is unsure, in px of the first solution. Where what is unsure is
# thicker than twice THICK the network has no idea of the edge, and the band reaches further.
REACH, FAR_REACH, THICK = 1, 14, 2
# The same in px of the second, unless the first has found strands: outlines so much longer.
FINE_REACH, STRANDS = 2, 1.2
# How strongly the network's word counts in the band: hardly, but for thin things it is sure of.
HARDLY, THIN = 1e-5, 0.1
# What the first solution leaves soft is solved again.
SOFT = 0.02


@dataclass(frozen=True, slots=True)
class Band:
    """unknown: where alpha is asked for. thin: sure of the network, yet too thin to stay known."""

    unknown: np.ndarray
    thin: np.ndarray


@dataclass(frozen=True, slots=True)
class Fine:
    """matte: L, of the picture's size. The rest tells of the solution before it was mended.

    growth: how much softer it is in all than the network's matte. length: how much longer its
    outlines are. doubt: softness over the subject's area, 0..1. agreement: intersection over union
    with the network's subject, 0..1.
    """

    matte: Image.Image
    growth: float
    length: float
    doubt: float
    agreement: float


def find_band(alpha: np.ndarray, *, reach: int, scale: float) -> Band:
    """alpha: float64, 0..1. reach: px beyond the unsure. scale: to the first solution's size."""
    grow = compiled(grown)
    inside, outside = alpha > HIGH, alpha < LOW
    soft = ~(inside | outside)
    thick = soft & ~grow(~soft, round(THICK * scale))
    far = grow(thick, round((THICK + FAR_REACH) * scale))
    unknown = grow(soft | (grow(inside, 1) & outside), reach) | far
    known_in, known_out = inside & ~unknown, outside & ~unknown
    thin = inside & ~grow(known_in, reach + 1) | outside & ~grow(known_out, reach + 1)
    return Band(unknown, thin & ~far)


def refine_edges(image: Image.Image, matte: Image.Image) -> Fine | None:
    """Refine a matte (L) of a picture (RGB). None where the numbers went wrong."""
    size = limited(image.size, COARSE)
    band = find_band(_alpha(matte, size), reach=REACH, scale=1)
    many = int(np.count_nonzero(band.unknown)) / MOST_COARSE
    if many > 1:
        size = limited(image.size, max(size) / many**0.5)
        band = find_band(_alpha(matte, size), reach=REACH, scale=1)
    pixels = _unit(_resized(image, size))
    weight = np.where(band.thin, THIN, HARDLY)
    problem = Problem(pixels, band.unknown, _guess(_alpha(matte, size), band.unknown), weight)
    coarse = solve(problem, tolerance=1e-4, rounds=60)
    return None if coarse is None else _refine_again(image, matte, problem, coarse)


def _refine_again(
    image: Image.Image, matte: Image.Image, problem: Problem, coarse: np.ndarray
) -> Fine | None:
    """The second solution, of what is still soft, at a larger size."""
    sketch = _alpha(matte, (coarse.shape[1], coarse.shape[0]))
    strands = _outline(coarse) >= STRANDS * _outline(sketch)
    side = min(FINEST, max(FINE, FINE_SHARE * max(image.size)))
    while True:
        small = _resized(image, limited(image.size, side))
        enlarged = enlarge_along(coarse, problem.pixels, problem.unknown, small)
        guess = np.asarray(enlarged, np.float64) / 255
        before = _alpha(matte, small.size)
        unknown = compiled(grown)((guess > SOFT) & (guess < 1 - SOFT), 1)
        if not strands:
            scale = max(small.size) / max(coarse.shape)
            near = find_band(before, reach=FINE_REACH, scale=scale).unknown
            guess, unknown = np.where(near, guess, np.rint(before)), unknown & near
        many = int(np.count_nonzero(unknown)) / MOST_FINE
        if many <= 1:
            break
        side *= 0.95 / many**0.5
    pixels, weight = _unit(small), np.full(guess.shape, HARDLY)
    fine = solve(
        Problem(pixels, unknown, _guess(guess, unknown), weight), tolerance=1e-3, rounds=20
    )
    if fine is None:
        return None
    large = clean(enlarge_along(mend(fine, before), pixels, unknown, image))
    return Fine(
        put_back(large, matte, find_lost(fine, before)),
        growth=_softness(fine) / max(1.0, _softness(before)),
        length=_outline(fine) / max(1.0, _outline(before)),
        doubt=_softness(fine) / max(1.0, float(fine.sum())),
        agreement=_agreement(fine > 0.5, before > 0.5),
    )


def _guess(alpha: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    return np.where(unknown, alpha, np.rint(alpha))


def _softness(alpha: np.ndarray) -> float:
    return float((alpha * (1 - alpha)).sum())


def _outline(alpha: np.ndarray) -> float:
    """The total variation: of a mask, the length of its outline in px."""
    return float(np.abs(np.diff(alpha, axis=0)).sum() + np.abs(np.diff(alpha, axis=1)).sum())


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float(np.count_nonzero(one & other) / max(1, int(np.count_nonzero(one | other))))


def limited(size: tuple[int, int], side: float) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _alpha(matte: Image.Image, size: tuple[int, int]) -> np.ndarray:
    small = matte.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(small, np.float64) / 255


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BOX, reducing_gap=1.5)


def _unit(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float64) / 255
