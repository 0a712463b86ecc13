import numpy as np
import pytest

from processing.evaluation import matting


def ramp(height: int = 40, width: int = 60) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.tile(np.linspace(0, 1, width), (height, 1))


def test_nothing_differs() -> None:
    for measure in (
        matting.sad,
        matting.mse,
        matting.gradient_error,
        matting.connectivity_error,
    ):
        assert measure(ramp(), ramp()) == 0


def test_sums_and_means() -> None:
    truth = np.zeros((50, 40))
    matte = np.full((50, 40), 0.25)
    assert matting.sad(matte, truth) == pytest.approx(0.5)  # 2000 pixels, a quarter each
    assert matting.mse(matte, truth) == pytest.approx(0.0625)


def test_gradients_see_steepness_and_not_height() -> None:
    lifted = ramp() * 0.9 + 0.1
    steeper = np.clip(ramp() * 2, 0, 1)
    assert matting.gradient_error(lifted, ramp()) < matting.gradient_error(steeper, ramp())
    assert matting.gradient_error(ramp().T, ramp().T * 0.5) == pytest.approx(
        matting.gradient_error(ramp(), ramp() * 0.5)
    )


def test_a_part_that_hangs_loose_counts() -> None:
    truth = np.zeros((40, 40))
    truth[5:35, 5:25] = 1.0
    speck = truth.copy()
    speck[10:14, 32:36] = 1.0  # 16 pixels, whole levels away from the body
    nearer = truth.copy()
    nearer[10:14, 25:29] = 1.0  # as many, but grown on it
    assert matting.connectivity_error(speck, truth) == pytest.approx(0.016)
    assert matting.connectivity_error(nearer, truth) == pytest.approx(0.016)
    cut_off = truth.copy()
    cut_off[5:35, 15:17] = 0.0  # a gap parts the body: all beyond it hangs loose
    assert matting.connectivity_error(cut_off, truth) > 0.05


def test_small_differences_are_forgiven_by_connectivity() -> None:
    truth = np.ones((20, 20))
    assert matting.connectivity_error(truth - 0.1, truth) == 0
