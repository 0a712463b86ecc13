"""Spreading what is known over a grid of pixels, without crossing edges: numpy alone.

`spread` gives each pixel the chance that a walk from it first meets something that says "subject"
(Grady, "Random walks for image segmentation", PAMI 2006, with priors as in "Multilabel random
walker image segmentation using prior models", CVPR 2005): the minimum of a sum of squares, found
with conjugate gradients from coarse to fine. `distances` are those of Toivanen's raster scans
("New geodesic distance transforms for gray-scale images", 1996), row by row at a time.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

Weights = tuple[np.ndarray, np.ndarray]  # to the pixel below, to the pixel on the right
FAR = np.float32(1e6)
COARSEST = 24
ROUNDS = 24


def coupling(colours: np.ndarray, steepness: float) -> Weights:
    """How freely walks pass between neighbours: 1 where they have one colour, down to nearly 0.

    colours: float32 (height, width, channels). steepness: larger lets less through.
    """
    down = np.square(colours[1:] - colours[:-1]).sum(axis=2)
    right = np.square(colours[:, 1:] - colours[:, :-1]).sum(axis=2)
    usual = (float(down.sum()) + float(right.sum())) / max(1, down.size + right.size)
    scale = np.float32(-steepness / (usual + 4.0))
    least = np.float32(2e-3)
    return np.exp(down * scale) + least, np.exp(right * scale) + least


def spread(levels: Sequence[tuple[Weights, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Solve on each level, the coarsest first, each from the result of the one before.

    levels: (weights, pull, target): each pixel is drawn to its target (0..1) with the strength of
    its pull. Returns float32 of the last level's shape.
    """
    found: np.ndarray | None = None
    for weights, pull, target in levels:
        start = target if found is None else _enlarge(found, target.shape)
        found = _solve(weights, pull, target, start)
    assert found is not None
    return found


def _solve(weights: Weights, pull: np.ndarray, target: np.ndarray, x: np.ndarray) -> np.ndarray:
    down, right = weights
    diagonal = pull.copy()
    diagonal[1:] += down
    diagonal[:-1] += down
    diagonal[:, 1:] += right
    diagonal[:, :-1] += right

    def applied(values: np.ndarray) -> np.ndarray:
        out = diagonal * values
        out[1:] -= down * values[:-1]
        out[:-1] -= down * values[1:]
        out[:, 1:] -= right * values[:, :-1]
        out[:, :-1] -= right * values[:, 1:]
        return out

    rest = pull * target - applied(x)
    eased = rest / diagonal
    step = eased
    size = float(np.vdot(rest, eased))
    first = size
    for _ in range(ROUNDS):
        if size <= 1e-7 * first or size <= 1e-9:
            break
        pushed = applied(step)
        length = np.float32(size / max(float(np.vdot(step, pushed)), 1e-20))
        x = x + length * step
        rest = rest - length * pushed
        eased = rest / diagonal
        before, size = size, float(np.vdot(rest, eased))
        step = eased + np.float32(size / before) * step
    return x


def _enlarge(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))


def distances(
    start: np.ndarray, cost: np.ndarray, down: np.ndarray, right: np.ndarray, rounds: int = 2
) -> np.ndarray:
    """The cheapest way from any pixel of `start` (booleans) to each pixel.

    cost: of stepping onto a pixel; down, right: of passing between neighbours (see Weights).
    """
    found = np.where(start, np.float32(0), FAR)
    for _ in range(rounds):
        before = found.copy()
        _scan(found, cost, down)
        _scan(found[::-1], cost[::-1], down[::-1])
        _scan(found.T, cost.T, right.T)
        _scan(found.T[::-1], cost.T[::-1], right.T[::-1])
        if np.array_equal(before, found):
            break
    return found


def _scan(found: np.ndarray, cost: np.ndarray, passing: np.ndarray) -> None:
    """From the first row to the last, straight and slanting by one."""
    slanting = np.float32(1.41)
    for row in range(1, len(found)):
        above = found[row - 1]
        step = cost[row] + passing[row - 1]
        here = found[row]
        np.minimum(here, above + step, out=here)
        slant = step * slanting
        np.minimum(here[1:], above[:-1] + slant[1:], out=here[1:])
        np.minimum(here[:-1], above[1:] + slant[:-1], out=here[:-1])
