"""Measures of a matte against a soft one, as papers on matting report them (Rhemann et al. 2009).

Every function takes `matte` and `truth`, floats of 0..1 of the same shape (height, width), over the
whole picture. Lower is better in all.
"""

import numpy as np

from .saliency import Floats

THOUSAND = 1000
GRADIENT_SIGMA = 1.4
STEP = 0.1
FORGIVEN = 0.15


def sad(matte: Floats, truth: Floats) -> float:
    """Sum of absolute differences, in thousands of pixels."""
    return float(np.abs(matte - truth).sum() / THOUSAND)


def mse(matte: Floats, truth: Floats) -> float:
    """Mean squared error."""
    return float(((matte - truth) ** 2).mean())


def gradient_error(matte: Floats, truth: Floats) -> float:
    """Squared difference of how steep both are, in thousands."""
    return float(((_steepness(matte) - _steepness(truth)) ** 2).sum() / THOUSAND)


def connectivity_error(matte: Floats, truth: Floats) -> float:
    """How differently pixels hang on the largest part that is sure in both, in thousands."""
    # Inline: only evaluation needs it, and it costs tens of megabytes.
    from scipy import ndimage

    levels = np.arange(STEP, 1 + STEP / 2, STEP)
    holds = np.full(matte.shape, -1.0)
    before = 0.0
    for level in levels:
        sure = (matte >= level) & (truth >= level)
        labels, count = ndimage.label(sure)
        largest = np.zeros_like(sure)
        if count:
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            largest = labels == sizes.argmax()
        holds[(holds == -1) & ~largest] = before
        before = level
    holds[holds == -1] = 1.0
    return float(np.abs(_hanging(matte, holds) - _hanging(truth, holds)).sum() / THOUSAND)


def _hanging(matte: Floats, holds: Floats) -> Floats:
    loose = matte - holds
    return np.asarray(1 - loose * (loose >= FORGIVEN))


def _steepness(matte: Floats) -> Floats:
    # Inline: only evaluation needs it, and it costs tens of megabytes.
    from scipy import ndimage

    along = [
        ndimage.convolve(matte, kernel, mode="nearest") for kernel in _derivatives(GRADIENT_SIGMA)
    ]
    return np.asarray(np.hypot(*along))


def _derivatives(sigma: float) -> tuple[Floats, Floats]:
    """Derivatives of a Gaussian, across and down, with squares that sum to 1."""
    reach = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * 1e-2))))
    at = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    slope = -at * bell / sigma**2
    across = np.outer(bell, slope)
    across /= np.sqrt((across**2).sum())
    return across, across.T
