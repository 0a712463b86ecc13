"""Folders of pictures with their true mattes: `im/` and `gt/`, paired by names without endings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from processing.imageio import open_image

from .saliency import Floats

PICTURES, TRUTHS = "im", "gt"
# Beyond the grey that JPEG leaves around a hard edge, and more of it than a border has.
SOFT_LEVELS = (32, 223)
SOFT_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    picture: Path
    truth: Path


@dataclass(frozen=True, slots=True)
class Dataset:
    """pairs: sorted by name. unpaired: files that have no partner, or more than one."""

    name: str
    pairs: Sequence[Pair]
    unpaired: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Truth:
    """values: float64 of 0..1, (height, width). is_soft: it has more grey than a hard border."""

    values: Floats
    is_soft: bool


def find_datasets(folder: Path) -> list[Dataset]:
    """`folder` itself, or the folders in it that are data sets, sorted. [] if there are none."""
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return [
        read_dataset(path)
        for path in candidates
        if (path / PICTURES).is_dir() and (path / TRUTHS).is_dir()
    ]


def read_dataset(folder: Path) -> Dataset:
    pictures, truths = _by_stem(folder / PICTURES), _by_stem(folder / TRUTHS)
    pairs, unpaired = [], []
    for stem in sorted(pictures.keys() | truths.keys()):
        found, true = pictures.get(stem, []), truths.get(stem, [])
        if len(found) == len(true) == 1:
            pairs.append(Pair(stem, found[0], true[0]))
        else:
            unpaired += found + true
    return Dataset(folder.resolve().name, pairs, unpaired)


def open_truth(path: Path) -> Truth:
    """A grey picture, or a colour one with equal channels; its transparency does not count.

    Raises ProcessingError if it cannot be read.
    """
    with path.open("rb") as file:
        grey = open_image(file, max_pixels=None).convert("RGB").convert("L")
    return truth_of(grey)


def truth_of(grey: Image.Image) -> Truth:
    """From an L image; one of zeros and ones is read as 0 and 255, as some collections mean it."""
    values = np.asarray(grey)
    if values.max() == 1:
        values = values * np.uint8(255)
    between = (values > SOFT_LEVELS[0]) & (values < SOFT_LEVELS[1])
    return Truth(values / 255.0, bool(between.mean() > SOFT_SHARE))


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            found.setdefault(path.stem, []).append(path)
    return found
