"""The renderer against the definition of compositing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from processing.errors import InvalidSpec
from processing.render import render
from processing.spec import RenderSpec

from .pictures import ball, noise

sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))
seeds = st.integers(0, 10_000)
colours = st.tuples(*[st.integers(0, 255)] * 3)


def random_matte(size: tuple[int, int], seed: int) -> Image.Image:
    """All of 0, 255 and values between, in about equal parts."""
    values = noise(size, seed, bands=1).astype(int)
    return Image.fromarray(np.clip(values * 3 - 255, 0, 255).astype(np.uint8))


def random_image(size: tuple[int, int], seed: int, bands: int = 3) -> Image.Image:
    return Image.fromarray(noise(size, seed, bands))


@given(sizes, seeds)
def test_transparent_rendition(size: tuple[int, int], seed: int) -> None:
    original, matte = random_image(size, seed), random_matte(size, seed + 1)
    result = np.asarray(render(original, matte, RenderSpec()))
    alpha = np.asarray(matte)
    assert np.array_equal(result[..., 3], alpha)
    assert (result[alpha == 0] == 0).all()  # nothing of the background can be read
    assert np.array_equal(result[alpha == 255][:, :3], np.asarray(original)[alpha == 255])
    assert np.array_equal(result[alpha > 0][:, :3], np.asarray(original)[alpha > 0])  # straight


@given(sizes, seeds, colours)
def test_opaque_background(size: tuple[int, int], seed: int, colour: tuple[int, int, int]) -> None:
    original, matte = random_image(size, seed), random_matte(size, seed + 1)
    image = render(original, matte, RenderSpec(background=(*colour, 255)))
    weight = np.asarray(matte, float)[..., None] / 255
    expected = weight * np.asarray(original, float) + (1 - weight) * np.array(colour)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image) - expected).max() <= 1


@given(sizes, seeds, colours, st.integers(1, 254))
def test_translucent_background(
    size: tuple[int, int], seed: int, colour: tuple[int, int, int], ground: int
) -> None:
    original, matte = random_image(size, seed), random_matte(size, seed + 1)
    image = np.asarray(render(original, matte, RenderSpec(background=(*colour, ground))), float)
    over = np.asarray(matte, float)[..., None] / 255
    under = ground / 255 * (1 - over)
    alpha = over + under
    premultiplied = over * np.asarray(original, float) + under * np.array(colour)
    assert np.abs(image[..., 3:] / 255 - alpha).max() <= 1.01 / 255
    # Colour is stored straight: compare what it contributes, which is what rounding allows.
    assert np.abs(image[..., :3] * alpha - premultiplied).max() <= 1.5


@given(sizes, seeds)
def test_inputs_are_not_changed(size: tuple[int, int], seed: int) -> None:
    original, matte = random_image(size, seed, bands=4), random_matte(size, seed + 1)
    edges = random_image(size, seed + 2)
    before = [image.tobytes() for image in (original, matte, edges)]
    for params in ({}, {"background": "red"}, {"width": "3"}, {"channels": "alpha"}):
        result = render(original, matte, RenderSpec.from_params(params), edges=edges)
        result.paste(0, (0, 0, *result.size))  # what is done to the result stays with it
    assert [image.tobytes() for image in (original, matte, edges)] == before


@given(sizes, seeds)
def test_own_transparency_is_multiplied_in(size: tuple[int, int], seed: int) -> None:
    original, matte = random_image(size, seed, bands=4), random_matte(size, seed + 1)
    alpha = np.asarray(render(original, matte, RenderSpec()))[..., 3]
    expected = np.asarray(original, float)[..., 3] * np.asarray(matte, float) / 255
    assert np.abs(alpha - expected).max() <= 1


@given(sizes, seeds)
def test_edges_replace_soft_colours_only(size: tuple[int, int], seed: int) -> None:
    original, matte = random_image(size, seed), random_matte(size, seed + 1)
    edges = Image.fromarray(np.maximum(noise(size, seed + 2), 1))
    alpha = np.asarray(matte)
    soft = (alpha > 0) & (alpha < 255)
    result = np.asarray(render(original, matte, RenderSpec(), edges=edges))
    assert np.array_equal(result[soft][:, :3], np.asarray(edges)[soft])
    assert np.array_equal(result[alpha == 255][:, :3], np.asarray(original)[alpha == 255])
    plain = render(original, matte, RenderSpec(decontaminate=False), edges=edges)
    assert plain.tobytes() == render(original, matte, RenderSpec()).tobytes()


def test_unknown_edges_leave_the_original_colour() -> None:
    original = Image.new("RGB", (40, 20), (10, 200, 30))
    matte = Image.new("L", (40, 20), 128)
    edges = Image.new("RGB", (20, 10))
    edges.paste((200, 10, 10), (0, 0, 10, 10))  # the left half is known, at half the size
    result = render(original, matte, RenderSpec(), edges=edges)
    assert result.getpixel((5, 10)) == (200, 10, 10, 128)
    assert result.getpixel((30, 10)) == (10, 200, 30, 128)
    assert set(result.get_flattened_data()) == {(200, 10, 10, 128), (10, 200, 30, 128)}


@pytest.mark.parametrize("size", [(480, 360), (100, 75), (33, 25)])
def test_smaller_renditions_have_no_rim(size: tuple[int, int]) -> None:
    """A red ball cut from green: no green may be mixed into the red while it is reduced."""
    original = ball((800, 600), ground=(0, 255, 0))
    matte = Image.new("L", (800, 600))
    matte.paste(255, mask=original.getchannel("R").point(lambda value: 255 if value > 100 else 0))
    result = np.asarray(render(original, matte, RenderSpec(width=size[0])))
    assert result.shape == (size[1], size[0], 4)
    visible = result[result[..., 3] > 64]
    assert visible[:, 1].max() < 120
    assert (result[result[..., 3] == 0] == 0).all()


def test_a_reduced_original_is_enough_for_a_small_rendition() -> None:
    original = ball((800, 600))
    matte = Image.new("L", (800, 600))
    matte.paste(255, (200, 150, 600, 450))
    spec = RenderSpec(max_side=160)
    whole = render(original, matte, spec)
    reduced = render(original.reduce(2), matte, spec)
    assert whole.size == reduced.size == (160, 120)
    difference = np.abs(np.asarray(whole, int) - np.asarray(reduced, int))
    assert difference.mean() < 1


@pytest.mark.parametrize(
    ("format_name", "mode"), [("png", "RGBA"), ("webp", "RGBA"), ("jpeg", "RGB")]
)
def test_modes(format_name: str, mode: str) -> None:
    matte = Image.new("L", (8, 8), 100)
    assert render(ball((8, 8)), matte, RenderSpec(format=format_name)).mode == mode


def test_jpeg_is_white_where_nothing_else_is_said() -> None:
    matte = Image.new("L", (8, 8))
    for background in (None, (0, 0, 0, 0)):
        image = render(ball((8, 8)), matte, RenderSpec(format="jpeg", background=background))
        assert image.getpixel((0, 0)) == (255, 255, 255)
    half_black = RenderSpec(format="jpeg", background=(0, 0, 0, 51))
    assert render(ball((8, 8)), matte, half_black).getpixel((0, 0)) == (204, 204, 204)


@pytest.mark.parametrize("width", [8, 4])
def test_alpha_alone(width: int) -> None:
    matte = Image.new("L", (8, 8), 77)
    alpha = render(ball((8, 8)), matte, RenderSpec(channels="alpha", width=width))
    assert (alpha.mode, alpha.size) == ("L", (width, width))
    assert alpha.getextrema() == (77, 77)


def test_a_size_that_the_format_cannot_hold_is_refused() -> None:
    matte = Image.new("L", (16_390, 1), 255)
    with pytest.raises(InvalidSpec, match="16383"):
        render(Image.new("RGB", matte.size), matte, RenderSpec(format="webp"))


def test_strips_leave_no_seams() -> None:
    """Tall pictures are composed in strips; edge colours at another scale must join up."""
    size = (40, 1100)
    original, matte = Image.new("RGB", size), Image.new("L", size, 128)
    ramp = Image.linear_gradient("L").resize((20, 550))
    edges = Image.merge("RGB", [ramp.point(lambda value: max(1, value))] * 3)
    column = np.asarray(render(original, matte, RenderSpec(), edges=edges), int)[:, 20, 0]
    assert np.diff(column).min() >= 0
    assert np.diff(column).max() <= 1
