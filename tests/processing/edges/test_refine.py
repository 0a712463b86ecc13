"""What refining edges must do for hair and nets, and what it must never do."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processing.edges import REASONS, refine
from processing.edges.mending import find_lost, mend
from processing.edges.solve import Problem, solve
from processing.engines import Prediction
from processing.engines.catalog import ENGINES, EngineInfo
from processing.evaluation.matting import gradient_error, mse, sad
from processing.matte import clean, enlarge
from processing.pipeline import extract
from processing.spec import ExtractSpec

from . import drawings
from .drawings import Draw, Drawing, draw

ROOT = Path(__file__).parents[3]
Measure = Callable[[np.ndarray, np.ndarray], float]


def refined(drawing: Drawing, how: str = "on") -> np.ndarray:
    """Alpha of 0..1, at the picture's size."""
    result = refine(drawing.image, clean(drawing.seen), how)
    assert result.why == "refined"
    assert result.matte.size == drawing.image.size
    return floats(result.matte)


def floats(matte: Image.Image) -> np.ndarray:
    return np.asarray(matte, float) / 255


@pytest.mark.parametrize("measure", [sad, mse, gradient_error])
@pytest.mark.parametrize(
    ("shape", "rough", "part"),
    [
        (drawings.hair, drawings.hairy_outline, 0.4),
        (drawings.net, None, 0.2),
        (drawings.ring, None, 0.1),
        (drawings.lamp, None, 0.2),
        (drawings.cut_off, None, 0.1),
        (drawings.three, None, 0.1),
    ],
)
def test_errors_are_less(shape: Draw, rough: Draw | None, part: float, measure: Measure) -> None:
    """On all three measures, by far: to less than ``part`` of what they were."""
    drawing = draw(shape, rough=rough)
    truth = floats(drawing.truth)
    before = measure(floats(enlarge(clean(drawing.seen), drawing.image.size)), truth)
    assert measure(refined(drawing), truth) < part * before


def test_a_hole_stays_a_hole() -> None:
    alpha = refined(draw(drawings.ring))
    assert alpha[285:315, 385:415].max() < 0.02
    assert alpha[200:400, 310:340].min() > 0.98


def test_a_thin_part_stays_whole() -> None:
    alpha = refined(draw(drawings.lamp))
    assert alpha[205:495, 400].min() > 0.8


@pytest.mark.parametrize("width", [3, 5])
def test_a_thin_part_that_no_colour_tells_stays_whole(width: float) -> None:
    """Of one to two px on the network's map, and of the ground's own colour."""
    drawing = drawings.pale(drawings.wire(width), drawings.head, seen=drawings.wire(10))
    before = floats(enlarge(clean(drawing.seen), drawing.image.size))
    alpha = refined(drawing)
    assert alpha[300, 525:745].min() > 0.75
    assert alpha[300, 540:745] == pytest.approx(before[300, 540:745], abs=0.02)
    assert alpha[320:, 540:].max() < 0.02


@pytest.mark.parametrize("width", [8, 12])
def test_a_bar_across_a_hole_stays_and_the_hole_is_clear(width: float) -> None:
    shape = drawings.barred(width)
    alpha = refined(drawings.pale(shape, drawings.plain_ring, seen=drawings.barred(12)))
    assert alpha[165:435, 400].min() > 0.9
    assert alpha[220:380, 290:370].max() < 0.02
    assert alpha[220:380, 430:510].max() < 0.02


@pytest.mark.parametrize(("across", "down"), [(1, 1), (-1, 1), (1, -1)])
def test_nothing_is_cut_at_the_border(across: int, down: int) -> None:
    drawing = draw(drawings.cut_off)
    parts = (drawing.image, drawing.truth, drawing.seen)
    image, truth, seen = (turn(part, across, down) for part in parts)
    turned = Drawing(image, truth, seen)
    alpha = refined(turned)[::down, ::across]
    assert alpha[260:, 0].min() > 0.98
    assert alpha[-1, :410].min() > 0.98
    assert alpha[-1, 430:].max() < 0.02


def turn(image: Image.Image, across: int, down: int) -> Image.Image:
    if across < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if down < 0 else image


def test_all_subjects_are_kept() -> None:
    alpha = refined(draw(drawings.three))
    for x, y in [(160, 300), (390, 290), (575, 305)]:
        assert alpha[y - 8 : y + 8, x - 8 : x + 8].min() > 0.98
    assert alpha[:, 290:320].max() < 0.02


def test_what_is_far_from_edges_is_exact() -> None:
    drawing = draw(drawings.head)
    alpha = refined(drawing)
    assert (alpha[250:350, 350:450] == 1).all()
    assert (alpha[:100] == 0).all()


@pytest.mark.parametrize("shape", [drawings.net, drawings.head])
def test_auto_refines_what_it_can_tell_apart(shape: Draw) -> None:
    refined(draw(shape), "auto")


def test_auto_refines_hair() -> None:
    refined(draw(drawings.hair, rough=drawings.hairy_outline), "auto")


def test_auto_keeps_the_edges_that_colours_say_nothing_about() -> None:
    """A subject in front of a ground of its own kind: solving makes a haze of its outline."""
    drawing = draw(drawings.head)
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (150, 200, 3), np.uint8)
    alike = Image.fromarray(pixels).resize(drawings.SIZE, Image.Resampling.BICUBIC)
    seen = clean(drawing.seen)
    result = refine(alike, seen, "auto")
    assert result.why == "hard_edges"
    assert result.matte is seen


def test_another_subject_is_not_taken() -> None:
    """The network saw, unsurely, much more than what it was sure of."""
    image = Image.new("RGB", drawings.SIZE, (250, 250, 250))
    ImageDraw.Draw(image).ellipse((390, 290, 410, 310), fill=(0, 0, 0))
    seen = Image.new("L", drawings.NETWORK)
    ImageDraw.Draw(seen).rectangle((40, 40, 280, 280), fill=150)
    ImageDraw.Draw(seen).ellipse((155, 155, 165, 165), fill=255)
    result = refine(image, seen, "on")
    assert result.why == "contradicted"
    assert result.matte is seen


@pytest.mark.parametrize("value", [0, 90, 255])
@pytest.mark.parametrize("how", ["on", "auto"])
def test_a_matte_without_edges(value: int, how: str) -> None:
    matte = Image.new("L", (320, 320), value)
    assert refine(drawings.clouds((400, 300), 0, 255, 1), matte, how).why == "no_edges"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 2), (17, 16), (2048, 17), (40, 2048)])
def test_odd_sizes_do_not_break_anything(size: tuple[int, int]) -> None:
    matte = draw(drawings.ring).seen
    result = refine(drawings.clouds(size, 0, 255, 1), clean(matte), "on")
    assert result.why in REASONS
    assert result.matte.size in {size, matte.size}


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (120, 130, 140)])
def test_a_picture_of_one_colour(colour: tuple[int, int, int]) -> None:
    result = refine(Image.new("RGB", (300, 200), colour), clean(draw(drawings.ring).seen), "on")
    assert result.why in REASONS
    assert floats(result.matte).shape


def test_numbers_that_go_wrong_give_nothing() -> None:
    pixels = np.full((20, 20, 3), np.nan)
    unknown = np.zeros((20, 20), bool)
    unknown[5:15, 5:15] = True
    problem = Problem(pixels, unknown, np.zeros((20, 20)), np.zeros((20, 20)))
    assert solve(problem, tolerance=1e-3, rounds=5) is None


def test_the_solution_is_linear_in_colour_where_colour_is_all_there_is() -> None:
    """Foreground and ground of one colour each: alpha is where the colour lies between them."""
    ramp = np.clip((np.arange(60) - 20) / 20, 0, 1)
    alpha = np.tile(ramp, (40, 1))
    pixels = alpha[..., None] * [0.9, 0.2, 0.1] + (1 - alpha[..., None]) * [0.1, 0.3, 0.8]
    unknown = np.zeros(alpha.shape, bool)
    unknown[:, 15:45] = True
    start = np.where(unknown, 0.5, alpha)
    found = solve(
        Problem(pixels, unknown, start, np.zeros(alpha.shape)), tolerance=1e-6, rounds=200
    )
    assert found is not None
    assert np.abs(found - alpha).max() < 0.02


class Fixed:
    """An engine that always answers the same."""

    info: EngineInfo = ENGINES["drawn"]

    def __init__(self, matte: Image.Image) -> None:
        self.matte = matte

    def predict(self, image: Image.Image) -> Prediction:
        return Prediction(self.matte, 1.0, 0.1)


@pytest.mark.parametrize("unsure", [False, True], ids=["hair", "unsure everywhere"])
def test_time_is_bounded_at_50_megapixels(unsure: bool) -> None:
    drawing = draw(drawings.hair, rough=drawings.hairy_outline)
    image = drawing.image.resize((8160, 6120), Image.Resampling.NEAREST)
    seen = drawings.unsure() if unsure else drawing.seen
    refine(drawing.image, seen, "on")  # compiles
    started = time.thread_time()
    extraction = extract(image, Fixed(seen), ExtractSpec("drawn", refine_edges="on"))
    assert extraction.matte.size == image.size
    assert extraction.refinement in REASONS
    assert time.thread_time() - started < 6  # all of it; refining alone is a fraction
    assert extraction.timings["refine"] < 1500


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell")
@pytest.mark.parametrize("shape", ["hair", "unsure"])
def test_memory_is_bounded_at_50_megapixels(shape: str) -> None:
    """In a process of its own, whose highest mark is the run's. The matte itself has 48 MiB."""
    command = [sys.executable, "-m", "scripts.bench.large_edges", shape]
    words = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    measured = json.loads(words)
    assert measured["off"]["growth_mib"] < 200
    assert measured["on"]["growth_mib"] < measured["off"]["growth_mib"] + 50
    assert measured["refining alone"]["growth_mib"] < 100
    assert measured["on"]["refine_ms"] < 1500


def test_reasons_fit_their_column_and_are_sentences() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for reason, sentence in REASONS.items():
        assert f"| `{reason}` | {sentence} |" in page
        assert re.fullmatch(r"[a-z_]{1,40}", reason)
        assert sentence.endswith(".")


def test_haze_goes_where_the_network_is_sure_of_the_ground_and_strands_stay() -> None:
    solved = np.full((200, 320), 0.3)
    solved[100:102] = 0.9
    mended = mend(solved, np.zeros_like(solved))
    assert mended[:90].max() == pytest.approx(0)
    assert mended[100:102].min() > 0.8
    unsure = mend(solved, np.full_like(solved, 0.3))
    assert unsure == pytest.approx(solved)


def test_what_the_network_is_sure_of_is_no_haze() -> None:
    """Half transparent from one side to the other, within the subject and up to the border."""
    network = np.zeros((200, 320))
    network[:, :160] = 1
    mended = mend(network * 0.5, network)
    assert mended[:, :150].min() > 0.98
    assert mended[:, 160:].max() == 0


def test_parts_that_the_solution_found_are_not_put_back() -> None:
    network, solved = np.zeros((200, 320)), np.zeros((200, 320))
    network[50:55, 20:300] = network[150:155, 20:300] = 1
    solved[52, 20:300] = 0.9
    lost = find_lost(solved, network)
    assert lost[150:155, 20:300].all()
    assert not lost[:100].any()
