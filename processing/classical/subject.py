"""Which superpixels are the subject."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from processing.copies import scaled
from processing.guided import colours
from processing.guided.guide import follow

from .regions import SIDE, Regions, find_regions

# As the paper sets them: of colours in Lab, of places, of the border's share.
OF_COLOURS, OF_PLACES, OF_BORDERS = 10.0, 0.25, 1.0
LEAST_TIE = 0.1
TURNS = 3
SMOOTH = 6.0  # what a border between two regions of one colour costs, against log odds
OPINION = 1.5  # what the first map says, against colours, in log odds
SHARE_OF_CUT = 0.6  # in the map; the rest is the first map, which knows how sure it is
PLAIN = 22.0  # distance in Lab between subject and ground from which on they are surely two things


@dataclass(frozen=True, slots=True)
class Found:
    """raw: float32 of 0..1, (height, width), at most SIDE px a side: how sure it is of the subject.

    matte: L of the same size, stretched to 0..255, with edges that follow the picture.
    """

    raw: np.ndarray
    matte: Image.Image


def find_subject(image: Image.Image) -> Found:
    """In an RGB picture of any size."""
    small = _reduced(image)
    if min(small.size) < 8:
        return Found(np.zeros((small.height, small.width), np.float32), Image.new("L", small.size))
    regions = find_regions(small)
    first = _first_map(regions)
    cut = _cut(regions, first, colours.cells(small))
    by_region = SHARE_OF_CUT * cut + (1 - SHARE_OF_CUT) * first
    mixed = by_region[regions.labels].astype(np.float32)
    pixels = np.asarray(small.convert("YCbCr"), np.float32) * np.array([1, 2, 2], np.float32)
    matte = follow(small, pixels, mixed)
    sure = _difference(regions, by_region)
    return Found((np.asarray(matte, np.float32) / 255 * sure).astype(np.float32), matte)


def _reduced(image: Image.Image) -> Image.Image:
    scale = SIDE / max(image.size)
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return image.resize(scaled(image.size, scale), how)


def _first_map(regions: Regions) -> np.ndarray:
    """0..1 by region: contrast with what is connected to the border."""
    apart = np.linalg.norm(regions.colours[:, None] - regions.colours[None], axis=2)
    ground = _is_ground(regions, apart)
    away = np.square(regions.centres[:, None] - regions.centres[None]).sum(axis=2)
    near = np.exp(-away / (2 * OF_PLACES**2))
    contrast = (apart * near * (ground * regions.sizes)[None]).sum(axis=1)
    highest = contrast.max()
    if highest <= 0:
        return np.zeros(regions.count)
    one, other = regions.pairs.T
    ties = np.exp(-np.square(apart[one, other]) / (2 * OF_COLOURS**2)) + LEAST_TIE
    contrast = contrast / highest
    matrix = np.diag(ground + contrast)
    np.add.at(matrix, (one, one), ties)
    np.add.at(matrix, (other, other), ties)
    matrix[one, other] -= ties
    matrix[other, one] -= ties
    found = np.clip(np.linalg.solve(matrix + 1e-6 * np.eye(len(matrix)), contrast), 0, 1)
    return found / max(found.max(), 1e-6)


def _is_ground(regions: Regions, apart: np.ndarray) -> np.ndarray:
    """0..1: how much a region is connected to the border, for its area of even colour."""
    # Inline: see find_regions.
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    one, other = regions.pairs.T
    cost = apart[one, other]
    # The paper takes off what is usual between neighbours. Zeros would be no ties at all.
    usual = np.percentile(cost, 10) if cost.size else 0.0
    cost = np.maximum(cost - usual, 0) + 1e-3
    shape = (regions.count, regions.count)
    ways = dijkstra(csr_matrix((cost, (one, other)), shape=shape), directed=False)
    together = np.exp(-np.square(np.minimum(ways, 1e3)) / (2 * OF_COLOURS**2))
    typical = regions.sizes.mean()
    area = together @ (regions.sizes / typical)
    touching = together @ (regions.border > 0)
    connected = touching / np.sqrt(area)
    return 1 - np.exp(-np.square(connected) / (2 * OF_BORDERS**2))


def _cut(regions: Regions, first: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """0 or 1 by region, after a few turns of colour models and minimum cuts."""
    threshold = _threshold(first, regions.sizes)
    opinion = (
        np.clip((first - threshold) / max(threshold, 1 - threshold, 1e-6), -1, 1) * 2 * OPINION
    )
    label = first > threshold
    flat = regions.labels.ravel()
    for _ in range(TURNS):
        if not label.any() or label.all():
            return label.astype(float)
        mask = label[regions.labels]
        subject = colours.model(cells, mask.astype(np.float32))
        ground = colours.model(cells, (~mask).astype(np.float32))
        odds = np.clip(np.log(subject / ground), -3, 3)[cells].ravel()
        evidence = np.bincount(flat, odds, minlength=regions.count) / regions.sizes
        new = _minimum_cut(regions, evidence + opinion)
        if np.array_equal(new, label):
            break
        label = new
    return label.astype(float)


def _minimum_cut(regions: Regions, odds: np.ndarray) -> np.ndarray:
    """Which regions lie on the subject's side of the cheapest cut. odds: for the subject."""
    # Inline: see find_regions.
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count, scale = regions.count, 1000.0
    one, other = regions.pairs.T
    apart = np.square(regions.colours[one] - regions.colours[other]).sum(axis=1)
    ties = SMOOTH * np.exp(-apart / (2 * max(float(np.mean(apart)), 1e-6)))
    # A region counts by its size, a tie by the length that such a border has.
    weights = odds * regions.sizes / regions.sizes.mean()
    source, sink = count, count + 1
    everyone = np.arange(count)
    rows = np.concatenate([one, other, np.full(count, source), everyone])
    columns = np.concatenate([other, one, everyone, np.full(count, sink)])
    room = np.concatenate([ties / 6, ties / 6, np.maximum(weights, 0), np.maximum(-weights, 0)])
    capacity = csr_matrix(
        ((room * scale).astype(np.int32), (rows, columns)), shape=(count + 2, count + 2)
    )
    left = capacity - maximum_flow(capacity, source, sink).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    inside = np.zeros(count + 2, bool)
    inside[reached] = True
    return inside[:count]


def _threshold(values: np.ndarray, sizes: np.ndarray) -> float:
    """Otsu's: between the two classes of values that differ most."""
    order = np.argsort(values, kind="stable")
    ranked, weights = values[order], sizes[order]
    low, total = np.cumsum(weights), weights.sum()
    sums = np.cumsum(weights * ranked)
    high = total - low
    with np.errstate(divide="ignore", invalid="ignore"):
        between = low * high * np.square(sums / low - (sums[-1] - sums) / high)
    best = int(np.nanargmax(between[:-1])) if len(values) > 1 else 0
    return float(ranked[best])


def _difference(regions: Regions, values: np.ndarray) -> float:
    """0..1: how much the colours of what was found differ from those of the rest."""
    inside = values * regions.sizes
    outside = (1 - values) * regions.sizes
    if inside.sum() < 1 or outside.sum() < 1:
        return 0.0
    one = (regions.colours * inside[:, None]).sum(axis=0) / inside.sum()
    other = (regions.colours * outside[:, None]).sum(axis=0) / outside.sum()
    return float(min(1.0, float(np.linalg.norm(one - other)) / PLAIN))
