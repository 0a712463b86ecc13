"""A picture as a graph of superpixels."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 320
WANTED = 400
COMPACTNESS = 10.0
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Regions:
    """labels: of each pixel, int (height, width), 0 to n-1. The rest is by region.

    colours: CIE Lab, (n, 3). centres: x, y as parts of the longest side, (n, 2). sizes: px.
    border: px on the border of the picture. pairs: neighbours, (m, 2), each pair once.
    """

    labels: np.ndarray
    colours: np.ndarray
    centres: np.ndarray
    sizes: np.ndarray
    border: np.ndarray
    pairs: np.ndarray

    @property
    def count(self) -> int:
        return len(self.sizes)


def find_regions(image: Image.Image) -> Regions:
    """Of an RGB picture of at most SIDE px a side."""
    # Inline: web processes never need them, and they take 40 MB.
    from skimage.color import rgb2lab
    from skimage.segmentation import slic

    lab = rgb2lab(np.asarray(image))
    found = slic(
        lab,
        n_segments=WANTED,
        compactness=COMPACTNESS,
        max_num_iter=ROUNDS,
        start_label=0,
        convert2lab=False,
        channel_axis=-1,
    )
    _names, labels = np.unique(found, return_inverse=True)
    labels = labels.reshape(found.shape)
    return _describe(labels, lab)


def _describe(labels: np.ndarray, lab: np.ndarray) -> Regions:
    flat = labels.ravel()
    count = int(flat.max()) + 1
    sizes = np.bincount(flat, minlength=count).astype(float)
    rows, columns = np.indices(labels.shape)
    places = np.stack([columns.ravel(), rows.ravel()], axis=1) / max(labels.shape)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return Regions(
        labels,
        _means(flat, lab.reshape(-1, 3), sizes),
        _means(flat, places, sizes),
        sizes,
        np.bincount(edge, minlength=count).astype(float),
        _neighbours(labels, count),
    )


def _means(flat: np.ndarray, values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    sums = [np.bincount(flat, column, minlength=len(sizes)) for column in values.T]
    return np.stack(sums, axis=1) / sizes[:, None]


def _neighbours(labels: np.ndarray, count: int) -> np.ndarray:
    across = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()])
    down = np.stack([labels[:-1].ravel(), labels[1:].ravel()])
    both = np.sort(np.concatenate([across, down], axis=1), axis=0)
    keys = np.unique(both[0] * count + both[1])
    pairs = np.stack([keys // count, keys % count], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]
