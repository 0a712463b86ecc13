"""Mattes and masks that are drawn, the same ones every time."""

from collections.abc import Iterator

import numpy as np

Grey = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def pairs() -> Iterator[tuple[str, Grey, Grey]]:
    """(name, matte, mask), both 8-bit grey, of one size."""
    random = np.random.default_rng(7)
    for number, (height, width) in enumerate([(60, 80), (97, 41), (128, 128), (33, 200)]):
        rows, columns = np.mgrid[0:height, 0:width]
        disc = np.hypot((rows - height * 0.55) / height, (columns - width * 0.4) / width)
        mask = (disc < 0.27).astype(np.uint8) * 255
        soft = 255 / (1 + np.exp((disc - 0.25 - 0.02 * number) * 40))
        noise = random.normal(0, 12 * number, (height, width))
        yield f"disc {number}", stretched(soft + noise), mask
    mask = np.zeros((50, 70), np.uint8)
    mask[10:30, 20:25] = mask[35:45, 40:65] = 255
    yield "two parts, one missed", stretched(np.where(np.mgrid[0:50, 0:70][0] < 32, mask, 0)), mask
    yield "inverted", stretched(255 - mask.astype(float)), mask
    yield "exact", mask, mask
    yield "noise", stretched(random.uniform(0, 255, (50, 70))), mask
    yield "touching the corner", stretched(random.uniform(0, 90, (20, 20))), corner()


def corner() -> Grey:
    mask = np.zeros((20, 20), np.uint8)
    mask[12:, 15:] = 255
    return mask


def stretched(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Grey:
    """Over 0..255, so that stretching it once more changes nothing."""
    clipped = values.clip(0, 255)
    low, high = clipped.min(), clipped.max()
    return np.asarray(((clipped - low) / (high - low) * 255).round().astype(np.uint8))
