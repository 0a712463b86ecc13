"""The engine without weights, on drawn pictures whose truth is known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from processing.classical import find_subject
from processing.engines import get_engine
from processing.errors import NothingFound
from processing.pipeline import extract
from processing.spec import ExtractSpec
from tests.processing.test_guided import drawn_mask, iou, scene, textured

SPEC = ExtractSpec("classical")


def cut_out(picture: Image.Image) -> Image.Image:
    engine = get_engine("classical", model_dir=Path("/nowhere"), threads=1)
    return extract(picture, engine, SPEC).matte


@pytest.mark.parametrize(
    "box", [(100, 60, 240, 200), (40, 90, 120, 240), (150, 30, 330, 130), (10, 10, 90, 90)]
)
def test_one_thing_on_a_textured_ground(box: tuple[int, int, int, int]) -> None:
    truth = drawn_mask(box)
    assert iou(cut_out(scene(truth)), truth) > 0.8


def test_somebody_should_always_look() -> None:
    picture = scene(drawn_mask((100, 60, 240, 200)))
    engine = get_engine("classical", model_dir=Path("/nowhere"), threads=1)
    assert extract(picture, engine, SPEC).needs_look


def test_two_things() -> None:
    truth = drawn_mask((50, 70, 150, 200), (220, 80, 310, 190))
    assert iou(cut_out(scene(truth)), truth) > 0.8


def test_a_thing_that_the_border_cuts() -> None:
    truth = drawn_mask((110, 90, 250, 320))
    assert iou(cut_out(scene(truth)), truth) > 0.85


def test_large_and_small_pictures() -> None:
    for scale in (0.3, 5.0):
        truth = drawn_mask((100, 60, 240, 200))
        size = (round(360 * scale), round(270 * scale))
        truth, picture = truth.resize(size), scene(truth).resize(size)
        found = cut_out(picture)
        assert found.size == size
        assert iou(found, truth) > 0.85, scale


@pytest.mark.parametrize("kind", ["black", "grey", "white", "noise", "texture", "stripes"])
def test_empty_scenes(kind: str) -> None:
    size = (320, 240)
    pictures = {
        "black": lambda: Image.new("RGB", size),
        "grey": lambda: Image.new("RGB", size, (120, 120, 120)),
        "white": lambda: Image.new("RGB", size, (255, 255, 255)),
        "noise": lambda: Image.fromarray(
            np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
        ),
        "texture": lambda: textured(size, (120, 110, 90), 5),
        "stripes": lambda: Image.fromarray(
            np.broadcast_to(
                ((np.arange(320) // 20) % 2 * 200).astype(np.uint8)[None, :, None], (240, 320, 3)
            ).copy()
        ),
    }
    with pytest.raises(NothingFound):
        cut_out(pictures[kind]())


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 900), (9, 9), (2500, 40)])
def test_awkward_shapes(size: tuple[int, int]) -> None:
    found = find_subject(textured(size, (120, 110, 90), 5))
    assert found.matte.size == (found.raw.shape[1], found.raw.shape[0])
    assert 0 <= found.raw.min() <= found.raw.max() <= 1


def test_it_is_deterministic() -> None:
    picture = scene(drawn_mask((100, 60, 240, 200)))
    first, second = find_subject(picture), find_subject(picture)
    assert first.matte.tobytes() == second.matte.tobytes()
    assert first.raw.tobytes() == second.raw.tobytes()


def test_its_doubt_grows_with_likeness() -> None:
    mask = drawn_mask((100, 60, 240, 200)).filter(ImageFilter.BoxBlur(1))
    ground = textured((360, 270), (100, 100, 100), 1)
    peaks = []
    for grey in (110, 140, 200):
        picture = ground.copy()
        picture.paste(textured((360, 270), (grey, grey, grey), 2), mask=mask)
        peaks.append(float(find_subject(picture).raw.max()))
    assert peaks[0] < peaks[1] < peaks[2]
