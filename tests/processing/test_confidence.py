"""Doubt: which signs count, and which way."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from processing.confidence import NEEDS_LOOK, SCALE, judge, signs
from processing.engines import Prediction
from processing.matte import clean
from processing.pipeline import extract
from processing.spec import ExtractSpec
from tests.processing.pictures import ball, real_engine

SIDE = 320
DISC = (100, 100, 220, 220)
SOFTNESS, DEEP, BORDER, SMALLNESS = range(4)


def disc(box: tuple[int, int, int, int] = DISC, *, fill: int = 255, blur: float = 1) -> Image.Image:
    matte = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(matte).ellipse(box, fill=fill)
    return matte.filter(ImageFilter.GaussianBlur(blur))


def confidence_of(matte: Image.Image, peak: float = 1.0) -> float:
    return judge(Prediction(matte, peak, 0.0), clean(matte)).confidence


def test_a_clear_subject_is_sure() -> None:
    judgement = judge(Prediction(disc(), 1.0, 0.0), disc())
    assert judgement.confidence > 0.9
    assert not judgement.needs_look


def with_haze() -> Image.Image:
    """Half-hearted where there should be nothing, or everything."""
    matte = disc()
    ImageDraw.Draw(matte).rectangle((20, 20, 300, 80), fill=110)
    return matte


@pytest.mark.parametrize(
    ("sign", "doubtful"),
    [
        (SOFTNESS, disc(blur=12)),
        (DEEP, with_haze()),
        (BORDER, disc((-60, 100, 60, 220))),
        (SMALLNESS, disc((150, 150, 165, 165))),
    ],
    ids=["softness", "deep", "border", "smallness"],
)
def test_each_sign_lowers_the_confidence(sign: int, doubtful: Image.Image) -> None:
    assert signs(doubtful)[sign] > signs(disc())[sign] + SCALE.deviations[sign] / 2
    assert confidence_of(doubtful) < confidence_of(disc())


def test_all_together_need_a_look() -> None:
    matte = disc((-20, 150, 20, 180), fill=200, blur=8)
    ImageDraw.Draw(matte).rectangle((200, 20, 300, 80), fill=60)
    judgement = judge(Prediction(matte, 1.0, 0.0), clean(matte))
    assert judgement.confidence < NEEDS_LOOK
    assert judgement.needs_look


def test_an_engine_that_hardly_sees_anything_is_not_sure() -> None:
    """The matte is stretched, and looks as clear as any; the peak tells."""
    assert confidence_of(disc(), peak=0.25) == pytest.approx(confidence_of(disc()) / 2, abs=0.001)
    assert confidence_of(disc(), peak=0.8) == confidence_of(disc())


@pytest.mark.parametrize("level", [0, 3, 255])
@pytest.mark.parametrize("size", [(1, 1), (320, 320), (1024, 7)])
def test_maps_that_say_nothing(size: tuple[int, int], level: int) -> None:
    matte = Image.new("L", size, level)
    judgement = judge(Prediction(matte, level / 255, 0.0), clean(matte))
    assert 0 <= judgement.confidence <= 1
    assert np.isfinite(signs(matte)).all()
    assert judgement.needs_look


@pytest.mark.parametrize("level", [254, 255])
def test_a_matte_that_keeps_everything_needs_a_look(level: int) -> None:
    matte = Image.new("L", (SIDE, SIDE), level)
    ImageDraw.Draw(matte).rectangle((0, 0, 20, 40), fill=0)  # eight thousandths are gone
    judgement = judge(Prediction(matte, 1.0, 0.0), clean(matte))
    assert judgement.confidence < NEEDS_LOOK
    assert judgement.needs_look


def test_a_matte_that_keeps_most_does_not() -> None:
    matte = Image.new("L", (SIDE, SIDE), 255)
    ImageDraw.Draw(matte).rectangle((0, 0, SIDE, 30), fill=0)
    assert not judge(Prediction(matte, 1.0, 0.0), clean(matte)).needs_look


@pytest.mark.parametrize("side", [160, SIDE, 1024, 2048])
def test_a_checkerboard_needs_a_look(side: int) -> None:
    values = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)
    matte = Image.fromarray(values)
    assert judge(Prediction(matte, 1.0, 0.0), clean(matte)).needs_look


@pytest.mark.parametrize("peak", [float("nan"), float("inf"), float("-inf"), -1.0])
def test_a_peak_that_is_no_share_is_no_confidence(peak: float) -> None:
    judgement = judge(Prediction(disc(), peak, float("nan")), disc())
    assert (judgement.confidence, judgement.needs_look) == (0.0, True)


def test_maps_that_it_was_not_fitted_to_always_need_a_look() -> None:
    judgement = judge(Prediction(disc(), 1.0, 0.0, is_fitted=False), disc())
    assert 0 < judgement.confidence < NEEDS_LOOK
    assert judgement.needs_look


def test_the_size_of_the_map_hardly_matters() -> None:
    large = disc().resize((1024, 1024), Image.Resampling.BICUBIC)
    assert confidence_of(large) == pytest.approx(confidence_of(disc()), abs=0.03)


def test_it_comes_with_the_cutout() -> None:
    """From the engine's own map: noise has nothing that stands out, and a ball on white has."""
    engine = real_engine("u2net")
    sure = extract(ball((400, 300)), engine, ExtractSpec("u2net"))
    assert sure.confidence is not None
    assert sure.confidence > 0.8
    assert not sure.needs_look
