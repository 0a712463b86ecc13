"""Strokes on a matte: drawn pictures whose truth is known, and shapes that are awkward."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from processing.guided import (
    WORKING_SIDE,
    Stroke,
    carry_over,
    is_too_much,
    prepare,
    refine_by_strokes,
)
from processing.guided.strokes import KEEP, REMOVE, draw_strokes, drawing_work
from processing.imageio import encode_matte

SIZE = (360, 270)
LEFT, RIGHT = (50, 70, 150, 200), (220, 80, 310, 190)


def textured(size: tuple[int, int], colour: tuple[int, int, int], seed: int) -> Image.Image:
    """Blotches around a colour, as of stone or grass."""
    noise = np.random.default_rng(seed).normal(0, 60, (size[1] // 3 + 1, size[0] // 3 + 1, 3))
    spread = np.clip(noise * 0.4 + np.array(colour), 0, 255).astype(np.uint8)
    return Image.fromarray(spread).resize(size, Image.Resampling.BICUBIC)


def drawn_mask(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size)
    for box in boxes:
        ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def scene(mask: Image.Image) -> Image.Image:
    """What is in the mask in reddish, on greenish ground, both of them textured."""
    ground = textured(mask.size, (90, 130, 80), 1)
    ground.paste(textured(mask.size, (170, 90, 60), 2), mask=mask.filter(ImageFilter.BoxBlur(1)))
    return ground


def refined(picture: Image.Image, matte: Image.Image | None, *strokes: Stroke) -> Image.Image:
    return refine_by_strokes(prepare(picture), matte, strokes, full_size=picture.size)


def iou(one: Image.Image, other: Image.Image) -> float:
    first, second = np.asarray(one) > 127, np.asarray(other) > 127
    return float((first & second).sum() / (first | second).sum())


def middle(box: tuple[int, int, int, int]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def line_in(box: tuple[int, int, int, int]) -> list[tuple[float, float]]:
    x, y = middle(box)
    return [(x, y - 25), (x, y), (x + 4, y + 25)]


def test_a_missing_object_comes_back_with_its_true_edge() -> None:
    truth, found = drawn_mask(LEFT, RIGHT), drawn_mask(LEFT)
    assert iou(found, truth) < 0.6
    after = refined(scene(truth), found, Stroke(True, 6, line_in(RIGHT)))
    assert iou(after, truth) > 0.95
    # The other object is none of the stroke's business.
    half = (0, 0, 180, SIZE[1])
    assert after.crop(half).tobytes() == found.crop(half).tobytes()


def test_a_leftover_object_goes_entirely() -> None:
    truth, found = drawn_mask(LEFT), drawn_mask(LEFT, RIGHT)
    picture = scene(truth)
    picture.paste(textured(SIZE, (80, 90, 170), 4), mask=drawn_mask(RIGHT))
    after = refined(picture, found, Stroke(False, 6, line_in(RIGHT)))
    assert iou(after, truth) > 0.97
    assert np.asarray(after.crop((215, 75, 315, 195))).max() < 128


def test_a_missing_limb_comes_back() -> None:
    truth = drawn_mask(LEFT)
    ImageDraw.Draw(truth).line((140, 130, 290, 60), fill=255, width=11)
    after = refined(scene(truth), drawn_mask(LEFT), Stroke(True, 3, [(155, 123), (286, 62)]))
    assert iou(drawn_mask(LEFT), truth) < 0.9
    assert iou(after, truth) > 0.94


def test_strokes_are_obeyed_whatever_colours_say() -> None:
    picture = Image.new("RGB", SIZE, (120, 120, 120))  # nothing to go by
    keep, remove = Stroke(True, 10, [(100, 100)]), Stroke(False, 10, [(250, 150)])
    after = refined(picture, drawn_mask((200, 100, 300, 200)), keep, remove)
    assert after.getpixel((100, 100)) == 255
    assert after.getpixel((250, 150)) == 0


def test_a_later_stroke_covers_an_earlier_one() -> None:
    picture, box = scene(drawn_mask(LEFT)), drawn_mask(LEFT)
    first, second = Stroke(True, 8, [(250, 130)]), Stroke(False, 8, [(250, 130)])
    assert refined(picture, box, first, second).getpixel((250, 130)) == 0
    assert refined(picture, box, second, first).getpixel((250, 130)) == 255


def test_what_only_confirms_changes_nothing() -> None:
    found = drawn_mask(LEFT).filter(ImageFilter.GaussianBlur(2))
    strokes = Stroke(True, 5, line_in(LEFT)), Stroke(False, 5, line_in(RIGHT))
    assert refined(scene(drawn_mask(LEFT)), found, *strokes).tobytes() == found.tobytes()


def test_soft_edges_far_away_stay_as_they_are() -> None:
    found = drawn_mask(LEFT).filter(ImageFilter.GaussianBlur(6))
    after = refined(scene(drawn_mask(LEFT, RIGHT)), found, Stroke(True, 6, line_in(RIGHT)))
    half = (0, 0, 180, SIZE[1])
    assert after.crop(half).tobytes() == found.crop(half).tobytes()


def test_new_edges_are_as_soft_as_the_picture_is() -> None:
    truth = drawn_mask(LEFT, RIGHT)
    after = refined(scene(truth), drawn_mask(LEFT), Stroke(True, 6, line_in(RIGHT)))
    values = np.asarray(after.crop((200, 60, 330, 210)))
    between = ((values > 12) & (values < 243)).mean()
    assert 0.005 < between < 0.15


def test_without_a_matte() -> None:
    truth = drawn_mask(LEFT)
    after = refined(scene(truth), None, Stroke(True, 8, line_in(LEFT)))
    assert iou(after, truth) > 0.9


def test_outside_of_the_region_is_background() -> None:
    truth = drawn_mask(LEFT, RIGHT)
    prepared = prepare(scene(truth))
    roi = (180, 0, 360, 270)
    only = refine_by_strokes(prepared, truth, (), full_size=SIZE, roi=roi)
    assert only.crop(roi).tobytes() == truth.crop(roi).tobytes()
    assert only.crop((0, 0, 180, 270)).getextrema() == (0, 0)
    keep = Stroke(True, 6, line_in(LEFT))
    also = refine_by_strokes(prepared, None, [keep], full_size=SIZE, roi=roi)
    assert also.crop((0, 0, 180, 270)).getextrema() == (0, 0)


def test_it_is_deterministic_and_leaves_its_inputs_alone() -> None:
    truth, found = drawn_mask(LEFT, RIGHT), drawn_mask(LEFT)
    picture, before = scene(truth), found.tobytes()
    stroke = Stroke(True, 6, line_in(RIGHT))
    assert refined(picture, found, stroke).tobytes() == refined(picture, found, stroke).tobytes()
    assert found.tobytes() == before


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (1, 700), (900, 1), (9, 400), (2000, 7), (3001, 2003)]
)
def test_awkward_shapes(size: tuple[int, int]) -> None:
    width, height = size
    picture = textured(size, (120, 120, 120), 3)
    strokes = [
        Stroke(True, 0.1, [(0, 0), (width, height)]),
        Stroke(False, width, [(width, height)]),
        Stroke(True, 1, [(-50, -50), (width / 2, height / 2), (width + 500, 3)]),
    ]
    after = refined(picture, Image.new("L", size, 200), *strokes)
    assert after.mode == "L"
    assert max(after.size) == min(WORKING_SIDE, max(size))


def test_large_pictures_are_worked_on_small() -> None:
    times = 6
    size = (SIZE[0] * times, SIZE[1] * times)
    truth = drawn_mask(LEFT, RIGHT).resize(size)
    picture = scene(drawn_mask(LEFT, RIGHT)).resize(size, Image.Resampling.BICUBIC)
    points = [(x * times, y * times) for x, y in line_in(RIGHT)]
    found = drawn_mask(LEFT).resize(size)
    after = refined(picture, found, Stroke(True, 6 * times, points))
    assert after.size == (1024, 768)
    full = carry_over(found, after, full_size=size)
    assert full.size == size
    assert iou(full, truth) > 0.95


def test_what_was_not_refined_is_carried_over_exactly() -> None:
    size = (1440, 1080)
    full = Image.effect_noise(size, 60)
    before = full.resize((720, 540), Image.Resampling.BILINEAR, reducing_gap=2)
    assert carry_over(full, before, full_size=size).tobytes() == full.tobytes()
    after = before.copy()
    after.paste(255, (100, 100, 200, 200))
    carried = carry_over(full, after, full_size=size)
    different = ImageChops.difference(full, carried).getbbox()
    assert different is not None
    assert different[0] >= 190
    assert different[2] <= 410
    assert carried.crop((210, 210, 390, 390)).getextrema() == (255, 255)


def test_drawing_strokes() -> None:
    marks = draw_strokes(
        [Stroke(True, 10, [(50, 50), (150, 50)]), Stroke(False, 10, [(100, 50)])],
        full_size=(200, 100),
        size=(100, 50),
    )
    assert marks.shape == (50, 100)
    assert (marks[25, 28], marks[25, 50], marks[25, 72], marks[5, 50]) == (KEEP, REMOVE, KEEP, 0)
    assert marks[20:30, 37].tolist() == [KEEP] * 10
    dab = draw_strokes([Stroke(True, 0.1, [(100, 50)])], full_size=(200, 100), size=(100, 50))
    assert dab.sum() >= 1


def seconds_of_drawing(strokes: Sequence[Stroke], size: tuple[int, int]) -> float:
    started = time.process_time()
    drawing_work(strokes, full_size=size, size=size)
    draw_strokes(strokes, full_size=size, size=size)
    return time.process_time() - started


@pytest.mark.parametrize(
    ("radius", "low", "high", "size"),
    [
        (10_000, 500, 500, (1024, 1024)),  # covers everything
        (0.1, -100_000, 100_000, (1024, 1024)),
        (2000, -1e5, 1e5, (1024, 1024)),
        (1, 0, 1024, (1024, 1024)),
        (10_000, -100_000, 100_000, (1, 1)),
        (10_000, 0, 1, (1, 1)),
        (10_000, -9950, -9900, (1024, 1024)),  # each a piece of a huge circle
        (400, 0, 1024, (1024, 1024)),
    ],
)
def test_what_is_not_refused_is_drawn_soon(
    radius: float, low: float, high: float, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(1)
    points = [(float(x), float(y)) for x, y in rng.uniform(low, high, (20_000, 2))]
    strokes = [Stroke(n % 2 == 0, radius, points[2000 * n : 2000 * n + 2000]) for n in range(10)]
    while is_too_much(strokes, full_size=size):
        strokes = [replace(one, points=one.points[: len(one.points) // 2]) for one in strokes]
    assert seconds_of_drawing(strokes, size) < 1


def test_what_people_draw_is_not_too_much() -> None:
    """As many points as are allowed, a few pixels apart, of a large brush."""
    path = [(512 + 300 * np.cos(n / 60), 512 + 300 * np.sin(n / 60)) for n in range(2000)]
    assert not is_too_much([Stroke(True, 100, path)] * 10, full_size=(1024, 1024))


def test_lines_from_far_away_are_drawn_where_they_pass() -> None:
    size = (100, 80)
    for radius in (0.3, 6):
        far = [(-90_000.0, 40.5), (90_000.0, 40.5)]
        long = draw_strokes([Stroke(True, radius, far)], full_size=size, size=size)
        near = [(-20.0, 40.5), (120.0, 40.5)]
        short = draw_strokes([Stroke(True, radius, near)], full_size=size, size=size)
        assert (long == short).all()
        assert (long == KEEP).any(axis=0).all()
    everything = draw_strokes([Stroke(False, 5000, [(0, 0)])], full_size=size, size=size)
    assert (everything == REMOVE).all()
    piece = draw_strokes([Stroke(False, 5000, [(-4950, 40)])], full_size=size, size=size)
    assert (piece[40, 40], piece[40, 60]) == (REMOVE, 0)


def test_strokes_know_whether_they_are_on_the_picture() -> None:
    assert Stroke(True, 5, [(-4, 50)]).touches((100, 100))
    assert Stroke(True, 5, [(-40, 50), (50, 50)]).touches((100, 100))
    assert not Stroke(True, 5, [(-40, 50)]).touches((100, 100))


@pytest.mark.parametrize(
    ("points", "touches"),
    [
        ([(-40, 50), (140, 50)], True),
        ([(50, 140), (50, -40)], True),
        ([(-40, 50), (50, 160)], True),  # across a corner
        ([(-40, 104), (140, 104)], True),  # its radius reaches in
        ([(-40, 110), (140, 110)], False),
        ([(-40, -40), (-40, 140)], False),
        ([(-40, 50), (-20, 50)], False),  # ends before
        ([(-80, 50), (50, 260)], False),  # around a corner
        ([(-40, -40), (-40, 140), (140, 30)], True),  # the second part of it
        ([(-40, 50), (-40, 50)], False),
        ([(-1e5, 50), (1e5, 50)], True),
        ([(-40, 50), (-40 + 1e-320, 50)], False),
    ],
)
def test_a_line_that_begins_and_ends_outside_may_cross_the_picture(
    points: list[tuple[float, float]], touches: bool
) -> None:
    assert Stroke(True, 5, points).touches((100, 100)) is touches


def test_a_further_stroke_is_quick() -> None:
    """On the largest picture there is. Time of the processor, since others may keep it busy."""
    size = (WORKING_SIDE, WORKING_SIDE)
    picture = prepare(scene(drawn_mask(LEFT, RIGHT)).resize(size))
    found = drawn_mask(LEFT).resize(size)
    stroke = Stroke(True, 20, [(x * 1024 / 360, y * 1024 / 270) for x, y in line_in(RIGHT)])
    times = []
    for _ in range(3):
        began = time.process_time()
        encode_matte(refine_by_strokes(picture, found, [stroke], full_size=size))
        times.append(time.process_time() - began)
    assert min(times) < 0.3, times


def test_nothing_heavy_is_imported() -> None:
    """Web processes do this; scipy alone would take 30 MB in each of them."""
    code = """
import sys
from PIL import Image
from processing.guided import Stroke, prepare, refine_by_strokes
picture = Image.effect_noise((200, 150), 80).convert("RGB")
stroke = Stroke(True, 9, [(50, 50)])
refine_by_strokes(prepare(picture), None, [stroke], full_size=picture.size)
heavy = {"rembg", "onnxruntime", "pymatting", "numba", "scipy", "skimage", "django"}
found = heavy & set(sys.modules)
sys.exit(str(found or 0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "0", done.stderr
