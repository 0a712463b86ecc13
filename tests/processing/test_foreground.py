"""Colours of soft edges against the true ones, on grounds that show every rim."""

import time

import numpy as np
import pytest
from PIL import Image, ImageFilter

from processing.foreground import estimate_edges
from processing.render import render
from processing.spec import RenderSpec

from .edges import drawings
from .edges.drawings import Draw

WHITE, BLACK, GREEN = (255, 255, 255), (0, 0, 0), (0, 255, 0)


class Scene:
    """A subject whose true colours and alpha are known, before a ground of another colour."""

    def __init__(self, shape: Draw, *, blur: float = 0, size: tuple[int, int] = drawings.SIZE):
        self.alpha = drawings.draw(shape, size=size).truth
        if blur:
            self.alpha = self.alpha.filter(ImageFilter.GaussianBlur(blur))
        self.fore = drawings.clouds(size, 60, 130, 3)
        self.image = Image.composite(self.fore, drawings.clouds(size, 170, 250, 4), self.alpha)
        alpha = np.asarray(self.alpha)
        self.soft = (alpha > 0) & (alpha < 255)

    def away(self, ground: tuple[int, int, int], edges: Image.Image | None) -> float:
        """The mean difference to the true composite in the soft band, 0..255."""
        spec = RenderSpec(background=(*ground, 255), decontaminate=edges is not None)
        shown = render(self.image, self.alpha, spec, edges=edges).convert("RGB")
        wanted = Image.composite(self.fore, Image.new("RGB", shown.size, ground), self.alpha)
        return float(np.abs(np.asarray(shown, float) - np.asarray(wanted, float))[self.soft].mean())


@pytest.mark.parametrize("ground", [WHITE, BLACK, GREEN])
@pytest.mark.parametrize(("shape", "blur"), [(drawings.hair, 0), (drawings.head, 4)])
def test_no_rim_of_the_old_ground(shape: Draw, blur: float, ground: tuple[int, int, int]) -> None:
    scene = Scene(shape, blur=blur)
    edges = estimate_edges(scene.image, scene.alpha)
    assert scene.away(ground, edges) < 0.25 * scene.away(ground, None)


@pytest.mark.parametrize("shape", [drawings.hair, drawings.net, drawings.ring])
def test_no_worse_than_the_multi_level_method(shape: Draw) -> None:
    """As rembg's decontamination uses it."""
    from pymatting import estimate_foreground_ml

    scene = Scene(shape, blur=1)
    pixels, alpha = np.asarray(scene.image) / 255, np.asarray(scene.alpha) / 255
    other = (estimate_foreground_ml(pixels, alpha) * 255).clip(1, 255).astype(np.uint8)
    edges = estimate_edges(scene.image, scene.alpha)
    assert scene.away(BLACK, edges) < scene.away(BLACK, Image.fromarray(other)) + 1  # of 255


def test_what_lies_far_away_changes_nothing() -> None:
    """The same subject in a corner of a larger picture keeps its colours."""
    scene = Scene(drawings.head, blur=2)
    image = Image.new("RGB", (1000, 900), (200, 210, 220))
    alpha = Image.new("L", image.size)
    image.paste(scene.image, (0, 0))
    alpha.paste(scene.alpha, (0, 0))
    small, large = estimate_edges(scene.image, scene.alpha), estimate_edges(image, alpha)
    assert small is not None
    assert large is not None
    assert large.size == image.size
    part = np.asarray(large.crop((0, 0, *scene.image.size)), int)
    assert np.abs(part - np.asarray(small, int))[scene.soft].max() <= 3
    assert np.asarray(large)[620:].max() == 0


@pytest.mark.parametrize("size", [(1000, 900), (1301, 703)])
def test_single_soft_pixels_get_the_colours_of_the_picture(size: tuple[int, int]) -> None:
    """A reduced matte rounds them away; whatever lay in memory must not show in their place."""
    image = drawings.clouds(size, 60, 200, 7)
    alpha = np.full((size[1], size[0]), 255, np.uint8)
    alpha[:200] = 0
    alpha[198:202] = np.array([[60], [120], [180], [220]])
    alpha[20:180:20, 20::20] = 1
    alpha[300::20, 20::20] = 254
    matte = Image.fromarray(alpha)
    results = [_colours(image, matte, junk) for junk in (0, 1e30, -1e30, np.nan, 111)]
    assert all((result == results[0]).all() for result in results)
    pixels = np.asarray(image, int)
    assert np.abs(results[0] - pixels)[alpha == 254].max() <= 2
    faint = results[0][alpha == 1]  # hardly seen: what is near may say more
    assert pixels.min() - 2 <= faint.min()
    assert faint.max() <= pixels.max() + 2


def _colours(image: Image.Image, matte: Image.Image, junk: float) -> np.ndarray:
    """With memory that was used for something else before."""
    sides = [max(image.size) // 2**halved for halved in range(7)]
    used = [np.full((side, side, 6), junk, np.float32) for side in sides]
    del used
    edges = estimate_edges(image, matte)
    assert edges is not None
    return np.asarray(edges, int)


def test_time_is_small_at_the_largest_size() -> None:
    scene = Scene(drawings.hair, size=(2048, 1536))
    estimate_edges(scene.image, scene.alpha)  # compiles
    took = []
    for _ in range(3):
        started = time.thread_time()
        estimate_edges(scene.image, scene.alpha)
        took.append(time.thread_time() - started)
    assert min(took) < 0.15  # seconds; 0.03 on a machine with nothing else to do
