"""What the colours must not take from a network's matte, nor add to it.

Where subject and ground are of one colour, solving for alpha loses what the network was sure of,
and makes a wide haze of what it was sure was not there.
"""

import numpy as np
from PIL import Image, ImageChops

from processing.loops import compiled, grown

# Lengths are px of a map of this longest side, as networks have.
MAP = 320
# Alpha of the network's that means surely the subject, and surely not.
SURE, SURELY_NOT = 0.9, 0.05
# Alpha that has no peak or dip this wide is haze, unless there is at least so much of it.
WIDE, HAZE = 6, 0.5
# This far inside of what the network is sure of, nothing becomes less.
DEEP = 8
# What the network is sure of is as opaque as the most opaque px so near, unless all have little.
NEAR, LITTLE = 3, 0.3
# Where nothing so near has this much, a part that is thinner than twice THIN was lost.
FOUND, THIN, FAINT = 0.5, 4, 0.2


def mend(solved: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Alpha without haze where the network is sure of the ground, opaque where of the subject.

    solved, network: float64, 0..1, of one size.
    """
    # Inline, as everywhere: web processes import the package for its words.
    from scipy import ndimage

    scale = max(solved.shape) / MAP
    floor = ndimage.grey_opening(solved, size=_window(WIDE * scale))
    floor = np.where((floor < HAZE) & (network < SURELY_NOT), floor, 0)
    clear = (solved - floor) / (1 - floor)
    # What the border cuts goes on beyond it.
    sure = np.pad(network > SURE, 1, mode="edge")
    depth = ndimage.distance_transform_edt(sure)[1:-1, 1:-1] / scale
    filled = np.maximum(clear, (depth - DEEP + 1).clip(0, 1) * network)
    near = _window(NEAR * scale)
    peak = ndimage.uniform_filter(ndimage.maximum_filter(filled, near), near)
    trust = ((network - 0.5) / (SURE - 0.5)).clip(0, 1)
    opaque = filled / peak.clip(LITTLE, 1)
    mended: np.ndarray = (filled * (1 - trust) + opaque * trust).clip(0, 1)
    return mended


def find_lost(solved: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Where thin parts that the network is sure of have vanished: each as a whole.

    solved, network: float64, 0..1, of one size.
    """
    from scipy import ndimage

    grow, scale = compiled(grown), max(solved.shape) / MAP
    thin = max(1, round(THIN * scale))
    thick = grow(~grow(network < 0.5, thin), thin + 1)
    near = max(1, round(NEAR * scale))
    found = grow(solved > FOUND, near)
    seeds = (network > SURE) & ~thick & ~found
    less = (network > FAINT) & ~found
    if not seeds.any():
        return np.zeros(solved.shape, bool)
    parts, count = ndimage.label(less, np.ones((3, 3)))
    lost = np.zeros(count + 1, bool)
    lost[np.unique(parts[seeds])] = True
    whole: np.ndarray = grow(lost[parts], near)
    return whole


def put_back(refined: Image.Image, network: Image.Image, lost: np.ndarray) -> Image.Image:
    """The refined matte (L), with the network's (L, of any size) where more of it was lost."""
    if not lost.any():
        return refined
    before = network.resize(refined.size, Image.Resampling.BICUBIC)
    where = Image.fromarray(lost).convert("L").resize(refined.size, Image.Resampling.BILINEAR)
    return Image.composite(ImageChops.lighter(refined, before), refined, where)


def _window(reach: float) -> tuple[int, int]:
    side = 2 * round(reach) + 1
    return side, side
