"""Measures of a matte against a binary mask, as papers on salient objects report them.

Every function takes `matte`, floats of 0..1, and `mask`, booleans, both of one (height, width).
Curves hold 256 values, one for each threshold of an 8-bit matte, from 255 down to 0.
"""

from dataclasses import dataclass

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

EPS = np.spacing(1)
BETA_SQUARED = 0.3  # of the F-measure since Achanta et al. 2009: precision counts more than recall


def stretch(matte: Floats) -> Floats:
    """To 0..1, as evaluation code of the field does before anything else; a constant one stays."""
    low, high = matte.min(), matte.max()
    return (matte - low) / (high - low) if high > low else matte


def mae(matte: Floats, mask: Mask) -> float:
    """Mean absolute error, 0..1; lower is better."""
    return float(np.abs(matte - mask).mean())


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels at or above each threshold: inside the mask, and in all. inside: size of the mask."""

    hits: Floats
    found: Floats
    inside: int
    total: int


def count(matte: Floats, mask: Mask) -> Counts:
    """In one pass over the pixels, whatever the number of thresholds."""
    levels = (matte * 255).astype(np.uint8)
    of_subject = np.bincount(levels[mask], minlength=256)[::-1].cumsum()
    of_rest = np.bincount(levels[~mask], minlength=256)[::-1].cumsum()
    hits = of_subject.astype(np.float64)
    return Counts(hits, hits + of_rest, int(mask.sum()), mask.size)


def f_curve(counts: Counts) -> Floats:
    """F-measure with beta squared .3 at each threshold (Achanta et al. 2009); higher is better."""
    precision = counts.hits / np.maximum(counts.found, 1)
    recall = counts.hits / max(counts.inside, 1)
    weighted = BETA_SQUARED * precision + recall
    value = (1 + BETA_SQUARED) * precision * recall / np.where(weighted == 0, 1, weighted)
    return np.asarray(value)


def e_curve(counts: Counts) -> Floats:
    """Enhanced-alignment measure at each threshold (Fan et al. 2018); higher is better.

    Both masks are binary, so a picture has four kinds of pixels, and each is worth one number.
    """
    found, inside, total = counts.found, counts.inside, counts.total
    if inside == 0:
        return np.asarray((total - found) / (total - 1 + EPS))
    if inside == total:
        return np.asarray(found / (total - 1 + EPS))
    mean_found, mean_inside = found / total, inside / total
    kinds = (
        (counts.hits, 1 - mean_found, 1 - mean_inside),
        (found - counts.hits, 1 - mean_found, 0 - mean_inside),
        (inside - counts.hits, 0 - mean_found, 1 - mean_inside),
        (total - found - inside + counts.hits, 0 - mean_found, 0 - mean_inside),
    )
    worth = np.zeros(256)
    for pixels, a, b in kinds:
        alignment = 2 * a * b / (a * a + b * b + EPS)
        worth += pixels * (alignment + 1) ** 2 / 4
    return np.asarray(worth / (total - 1 + EPS))


def iou(counts: Counts, level: int = 128) -> float:
    """Intersection over union of the mask and the matte from `level` (of 255) on; 1 if both are
    empty."""
    at = 255 - level
    union = counts.found[at] + counts.inside - counts.hits[at]
    return float(counts.hits[at] / union) if union else 1.0


def weighted_f(matte: Floats, mask: Mask) -> float:
    """Weighted F-measure (Margolin, Zelnik-Manor, Tal 2014); higher is better, 0 without a mask.

    Errors far from the subject weigh more, and those along its border are forgiven where the
    neighbourhood is right.
    """
    # Inline: only evaluation needs it, and it costs tens of megabytes.
    from scipy import ndimage

    if not mask.any():
        return 0.0
    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    error = np.abs(matte - mask)
    # Outside, the error of the nearest pixel of the subject stands for what is there.
    spread = np.where(mask, error, error[nearest[0], nearest[1]])
    smooth = ndimage.convolve(spread, _gaussian(7, 5), mode="constant", cval=0)
    least = np.where(mask & (smooth < error), smooth, error)
    importance = np.where(mask, 1.0, 2 - np.exp(np.log(0.5) / 5 * distance))
    weighted = least * importance
    hits = mask.sum() - weighted[mask].sum()
    false = weighted[~mask].sum()
    recall = 1 - weighted[mask].mean()
    precision = hits / (EPS + hits + false)
    return float(2 * recall * precision / (EPS + recall + precision))


def _gaussian(side: int, sigma: float) -> Floats:
    """A kernel of `side` x `side` that sums to 1."""
    reach = np.arange(side) - side // 2
    kernel = np.exp(-(reach[:, None] ** 2 + reach[None, :] ** 2) / (2 * sigma * sigma))
    kernel[kernel < np.finfo(kernel.dtype).eps * kernel.max()] = 0
    return np.asarray(kernel / kernel.sum())


def s_measure(matte: Floats, mask: Mask) -> float:
    """Structure measure with alpha .5 (Fan et al. 2017), 0..1; higher is better."""
    share = mask.mean()
    if share == 0:
        return float(1 - matte.mean())
    if share == 1:
        return float(matte.mean())
    of_objects = share * _object(matte[mask]) + (1 - share) * _object(1 - matte[~mask])
    return float(max(0.0, 0.5 * of_objects + 0.5 * _regions(matte, mask)))


def _object(values: Floats) -> float:
    """How high and even the matte is over one of the two sides of the mask."""
    mean = values.mean()
    deviation = values.std(ddof=1) if values.size > 1 else 0.0
    return float(2 * mean / (mean * mean + 1 + deviation + EPS))


def _regions(matte: Floats, mask: Mask) -> float:
    """Similarity in the four rectangles around the centre of the mask, weighted by area."""
    height, width = mask.shape
    centre = np.argwhere(mask).mean(axis=0).round()
    y, x = int(centre[0]) + 1, int(centre[1]) + 1
    score = 0.0
    for rows in (slice(0, y), slice(y, height)):
        for columns in (slice(0, x), slice(x, width)):
            part = matte[rows, columns]
            if part.size:
                share = part.size / mask.size
                score += share * _similarity(part, mask[rows, columns].astype(np.float64))
    return score


def _similarity(one: Floats, other: Floats) -> float:
    """Structural similarity of two whole rectangles."""
    mean_one, mean_other = one.mean(), other.mean()
    freedom = max(one.size - 1, 1)
    spread_one = ((one - mean_one) ** 2).sum() / freedom
    spread_other = ((other - mean_other) ** 2).sum() / freedom
    shared = ((one - mean_one) * (other - mean_other)).sum() / freedom
    above = 4 * mean_one * mean_other * shared
    below = (mean_one**2 + mean_other**2) * (spread_one + spread_other)
    if above != 0:
        return float(above / (below + EPS))
    return 1.0 if below == 0 else 0.0
