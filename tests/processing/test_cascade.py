"""An engine that asks another where it is unsure."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from processing.confidence import judge
from processing.engines import ENGINES, Prediction, get_engine
from processing.engines.cascade import FIRST, Another, Cascade, Mirrored, average, raw_map
from processing.engines.catalog import EngineInfo
from processing.matte import clean
from processing.pipeline import extract
from processing.spec import ExtractSpec
from tests.processing.pictures import RED, ball, close, model_dir, real_engine

CASCADE = "u2net-cascade"
NEVER, ALWAYS = 0.0, 1.1


@dataclass
class Counted:
    """A real engine that keeps the pictures it was given."""

    name: str = "drawn"
    seen: list[Image.Image] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        return ENGINES[self.name]

    def predict(self, image: Image.Image) -> Prediction:
        self.seen.append(image)
        return get_engine(self.name, model_dir=model_dir()).predict(image)


def cornered() -> Image.Image:
    """Unlike its mirror image, so that a map that is not turned back does not fit."""
    image = Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(image).ellipse((20, 60, 140, 180), fill=RED)
    return image


def cascade(threshold: float) -> tuple[Cascade, Counted, Counted]:
    first, second = Counted(), Counted()
    return Cascade(ENGINES["drawn"], first, Another(second), threshold), first, second


def test_whoever_is_sure_answers_alone() -> None:
    engine, first, second = cascade(NEVER)
    assert engine.predict(ball()).answered_by == "drawn"
    assert (len(first.seen), len(second.seen)) == (1, 0)


def test_in_doubt_the_second_answers() -> None:
    engine, first, second = cascade(ALWAYS)
    engine.predict(ball())
    assert (len(first.seen), len(second.seen)) == (1, 1)


def test_the_threshold_lies_where_the_confidence_is() -> None:
    prediction = Counted().predict(ball())
    confidence = judge(prediction, clean(prediction.matte)).confidence
    engine, _first, second = cascade(confidence)
    engine.predict(ball())
    assert not second.seen
    engine, _first, second = cascade(confidence + 0.001)
    engine.predict(ball())
    assert len(second.seen) == 1


def test_the_mirror_image_costs_one_pass_and_comes_back_turned() -> None:
    only = Counted()
    engine = Cascade(ENGINES["drawn"], only, Mirrored(only, "both"), ALWAYS)
    prediction = engine.predict(cornered())
    assert [close(seen, cornered(), 0.0) for seen in only.seen] == [True, False]
    assert close(only.seen[1], ImageOps.mirror(cornered()), 0.0)
    assert prediction.answered_by == "both"
    assert close(prediction.matte, Counted().predict(cornered()).matte, 1.0)
    assert prediction.disagreement == pytest.approx(0, abs=0.02)


def test_the_average_of_two_maps() -> None:
    left = np.zeros((4, 4), np.float32)
    left[:, 0] = 0.8
    blank = Image.new("L", (4, 4))
    alike = average(
        Prediction(blank, 0.8, 0.0, raw=left), Prediction(blank, 0.8, 0.0, raw=left[:, ::-1])
    )
    assert np.allclose(raw_map(alike), left)
    assert alike.disagreement == 0
    assert alike.peak == pytest.approx(0.8)
    assert alike.softness == pytest.approx(0.2)
    apart = average(Prediction(blank, 0.8, 0.0, raw=left), Prediction(blank, 0.8, 0.0, raw=left))
    assert apart.peak == pytest.approx(0.4)
    assert apart.disagreement == pytest.approx(2)
    nothing = average(
        Prediction(blank, 0.0, 1.0, raw=left * 0), Prediction(blank, 0.0, 1.0, raw=left * 0)
    )
    assert (nothing.peak, nothing.softness, nothing.disagreement) == (0, 1, 0)


def test_the_real_one_says_who_answered() -> None:
    engine = real_engine(CASCADE)
    sure = extract(ball((400, 300)), engine, ExtractSpec(CASCADE))
    assert sure.answered_by == FIRST
    faint = Image.new("RGB", (400, 300), (120, 124, 120))
    ImageDraw.Draw(faint).line((0, 290, 60, 240), fill=(126, 124, 120), width=9)
    assert engine.predict(faint).answered_by == "u2net-best"


def test_it_holds_no_second_copy_of_the_network() -> None:
    first = real_engine(FIRST)
    engine = real_engine(CASCADE)
    assert isinstance(engine, Cascade)
    assert engine.first.session is first.session  # type: ignore[attr-defined]
