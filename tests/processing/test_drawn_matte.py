"""Mattes that people painted: read as they are, whatever a canvas makes of them."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from processing.errors import NothingFound, ProcessingError, TooManyPixels, TruncatedImage
from processing.imageio import encode_matte, open_drawn_matte
from processing.pipeline import adopt, extract
from processing.spec import ExtractSpec

from .pictures import ball, drawn, encoded, noise


def grey(size: tuple[int, int] = (40, 30), seed: int = 1) -> Image.Image:
    return Image.fromarray(noise(size, seed, 1))


def same(image: Image.Image, expected: Image.Image) -> bool:
    return image.mode == "L" and np.array_equal(np.asarray(image), np.asarray(expected))


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    seed=st.integers(0, 1000),
    flat=st.sampled_from([None, 0, 1, 254, 255]),
)
def test_a_stored_matte_comes_back_as_it_is(
    width: int, height: int, seed: int, flat: int | None
) -> None:
    matte = grey((width, height), seed) if flat is None else Image.new("L", (width, height), flat)
    assert same(open_drawn_matte(io.BytesIO(encode_matte(matte))), matte)


def as_rgb(matte: Image.Image) -> Image.Image:
    return Image.merge("RGB", [matte] * 3)


def as_opaque_canvas(matte: Image.Image) -> Image.Image:
    return as_rgb(matte).convert("RGBA")


def as_alpha(matte: Image.Image) -> Image.Image:
    canvas = Image.new("RGBA", matte.size, (200, 10, 60, 255))
    canvas.putalpha(matte)
    return canvas


def as_grey_alpha(matte: Image.Image) -> Image.Image:
    canvas = Image.new("L", matte.size, 77)
    canvas.putalpha(matte)
    return canvas


def as_deep(matte: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(matte, np.uint16) * 257)


@pytest.mark.parametrize("drawn_as", [as_rgb, as_opaque_canvas, as_alpha, as_grey_alpha, as_deep])
def test_the_ways_of_a_canvas(drawn_as: Any) -> None:
    assert same(open_drawn_matte(encoded(drawn_as(grey()), "PNG")), grey())


def test_webp_without_loss() -> None:
    assert same(open_drawn_matte(encoded(as_alpha(grey()), "WEBP", lossless=True)), grey())


def test_black_and_white() -> None:
    binary = grey().point(lambda value: 255 if value > 127 else 0)
    assert same(open_drawn_matte(encoded(binary.convert("1"), "PNG")), binary)
    palette = binary.convert("P")
    assert same(open_drawn_matte(encoded(palette, "PNG")), binary)


def test_profiles_and_gamma_change_nothing() -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))
    assert same(open_drawn_matte(encoded(grey(), "PNG", pnginfo=info)), grey())


def test_it_is_turned_as_its_header_says() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = open_drawn_matte(encoded(grey(), "PNG", exif=exif))
    assert same(turned, grey().transpose(Image.Transpose.ROTATE_270))


def test_what_cannot_be_read() -> None:
    content = encoded(grey((300, 300)), "PNG").getvalue()
    with pytest.raises(TruncatedImage):
        open_drawn_matte(io.BytesIO(content[: len(content) // 2]))
    with pytest.raises(TooManyPixels):
        open_drawn_matte(io.BytesIO(content), max_pixels=1000)
    for junk in (b"x", content[:40], b"\x89PNG\r\n\x1a\n" + bytes(200)):
        with pytest.raises(ProcessingError):
            open_drawn_matte(io.BytesIO(junk))


def test_adopting_the_matte_of_an_extraction() -> None:
    picture = ball((400, 300))
    made = extract(picture, drawn(), ExtractSpec(engine="drawn"))
    adopted = adopt(picture, made.matte)
    assert same(adopted.matte, made.matte)
    assert adopted.bbox == made.bbox
    assert adopted.coverage == pytest.approx(made.coverage, abs=0.005)
    assert adopted.edges is not None
    assert adopted.edges.size == picture.size
    assert adopted.confidence is None


def test_edges_are_of_the_size_of_the_copy() -> None:
    matte = ball((4000, 3000), (0, 0, 0)).getchannel("R").reduce(1)
    adopted = adopt(ball((400, 300)), matte)
    assert adopted.matte.size == (4000, 3000)
    assert adopted.edges is not None
    assert adopted.edges.size == (400, 300)


@pytest.mark.parametrize("value", [0, 12])
def test_nothing_is_no_matte(value: int) -> None:
    with pytest.raises(NothingFound, match="empty"):
        adopt(ball(), Image.new("L", ball().size, value))
