"""From picture to matte with the drawn engine: sizes, boxes, colours, refusals."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from processing.errors import NothingFound
from processing.foreground import estimate_edges
from processing.matte import bounding_box, clean, coverage, enlarge
from processing.pipeline import extract, make_preview
from processing.render import render
from processing.spec import ExtractSpec, RenderSpec

from .pictures import RED, ball, close, drawn, noise

SPEC = ExtractSpec(engine="drawn")


def test_a_ball_is_cut_out() -> None:
    extraction = extract(ball((400, 300)), drawn(), SPEC)
    assert (extraction.matte.mode, extraction.matte.size) == ("L", (400, 300))
    assert extraction.matte.getpixel((200, 150)) == 255
    assert extraction.matte.getpixel((5, 5)) == 0
    assert extraction.bbox is not None
    assert np.abs(np.subtract(extraction.bbox, (100, 75, 301, 226))).max() <= 3
    assert extraction.coverage == pytest.approx(np.pi / 16, abs=0.01)
    assert extraction.confidence is not None
    assert extraction.confidence > 0.9
    assert set(extraction.timings) == {
        "prepare",
        "predict",
        "clean",
        "edges",
        "enlarge",
        "measure",
    }
    assert all(milliseconds >= 0 for milliseconds in extraction.timings.values())


def test_the_matte_has_the_full_size_of_a_reduced_copy() -> None:
    extraction = extract(ball((400, 300)), drawn(), SPEC, full_size=(4000, 3001))
    assert extraction.matte.size == (4000, 3001)
    assert extraction.edges is not None
    assert extraction.edges.size == (400, 300)
    assert extraction.bbox is not None
    assert np.abs(np.subtract(extraction.bbox, (1000, 750, 3001, 2251))).max() <= 30


def test_outside_of_a_region_is_background() -> None:
    image = ball((800, 300))
    image.paste(ball((400, 300)), (0, 0))
    image.paste(ball((400, 300)), (400, 0))
    spec = ExtractSpec.parse({"engine": "drawn", "roi": "50% 0% 100% 100%"})
    extraction = extract(image, drawn(), spec)
    assert extraction.matte.size == image.size
    assert extraction.matte.crop((0, 0, 400, 300)).getbbox() is None
    assert extraction.matte.getpixel((600, 150)) == 255
    assert extraction.bbox is not None
    assert np.abs(np.subtract(extraction.bbox, (500, 75, 701, 226))).max() <= 3
    assert extraction.coverage == pytest.approx(np.pi / 32, abs=0.01)
    assert extraction.edges is not None
    assert extraction.edges.size == image.size
    cutout = render(image, extraction.matte, RenderSpec(), edges=extraction.edges)
    assert cutout.getpixel((200, 150)) == (0, 0, 0, 0)


def test_a_region_of_a_reduced_copy() -> None:
    spec = ExtractSpec.parse({"engine": "drawn", "roi": "1000px 0px 3000px 3000px"})
    extraction = extract(ball((400, 300)), drawn(), spec, full_size=(4000, 3000))
    assert extraction.matte.size == (4000, 3000)
    assert extraction.matte.getpixel((2000, 1500)) == 255
    assert extraction.matte.getpixel((900, 1500)) == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (3000, 8)])
def test_odd_shapes_do_not_break_anything(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (255, 255, 255))
    with pytest.raises(NothingFound):
        extract(image, drawn(), SPEC)
    image.paste(RED, (size[0] // 3, size[1] // 3, size[0], size[1]))
    if max(size) > 3:
        assert extract(image, drawn(), SPEC).matte.size == size


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 2), (700, 1)])
def test_edges_of_odd_shapes(size: tuple[int, int]) -> None:
    edges = estimate_edges(Image.new("RGB", size, RED), Image.new("L", size, 90))
    assert edges is not None
    assert np.abs(np.asarray(edges, int) - RED).max() <= 1


def test_what_is_hidden_under_transparency_does_not_count() -> None:
    image = Image.new("RGBA", (90, 60), (255, 255, 255, 0))
    ImageDraw.Draw(image).rectangle((30, 20, 60, 40), fill=(200, 0, 0, 0))
    with pytest.raises(NothingFound):
        extract(image, drawn(), SPEC)


def test_an_input_is_not_changed() -> None:
    image = ball((300, 200)).convert("RGBA")
    before = image.tobytes()
    extract(image, drawn(), SPEC)
    assert image.tobytes() == before


def test_a_preview_is_bounded_and_keeps_alpha() -> None:
    preview = make_preview(Image.new("RGBA", (5000, 100), (100, 200, 250, 200)))
    assert (preview.mode, preview.size) == ("RGBA", (2048, 41))
    assert close(preview, Image.new("RGBA", (2048, 41), (100, 200, 250, 200)), 1)
    small = ball()
    assert make_preview(small).tobytes() == small.tobytes()
    assert make_preview(small) is not small


def test_cleaning_reaches_both_ends_and_keeps_order() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    cleaned = np.asarray(clean(ramp))[0].astype(int)
    assert cleaned[:9].max() == 0
    assert cleaned[247:].min() == 255
    assert (np.diff(cleaned) >= 0).all()
    assert abs(cleaned[128] - 128) <= 1


def test_bounding_boxes() -> None:
    matte = Image.new("L", (50, 40))
    assert bounding_box(matte) is None
    matte.putpixel((3, 4), 5)  # too faint to count
    assert bounding_box(matte) is None
    matte.paste(255, (10, 20, 31, 36))
    assert bounding_box(matte) == (10, 20, 31, 36)
    assert coverage(matte) == pytest.approx(21 * 16 / 2000, abs=0.001)
    assert enlarge(matte, (100, 80)).size == (100, 80)


def soft_case() -> tuple[Image.Image, Image.Image, np.ndarray]:
    """A picture whose true foreground is known: smooth colours, seen through a soft matte."""
    size = (240, 180)
    fore = Image.fromarray(noise((6, 5), 1)).resize(size, Image.Resampling.BICUBIC)
    back = Image.fromarray(noise((6, 5), 2)).resize(size, Image.Resampling.BICUBIC)
    matte = Image.new("L", size)
    ImageDraw.Draw(matte).ellipse((50, 40, 190, 140), fill=255)
    matte = matte.filter(ImageFilter.GaussianBlur(5))
    return Image.composite(fore, back, matte), matte, np.asarray(fore, float)


def test_estimated_colours_come_nearer_to_the_true_foreground() -> None:
    image, matte, truth = soft_case()
    edges = estimate_edges(image, matte)
    assert edges is not None
    alpha = np.asarray(matte)
    soft = (alpha > 0) & (alpha < 255)
    weight = alpha[soft][:, None] / 255
    without = (np.abs(np.asarray(image) - truth)[soft] * weight).mean()
    error = (np.abs(np.asarray(edges) - truth)[soft] * weight).mean()
    assert error < 0.6 * without


def test_edges_are_zero_away_from_the_band_and_never_inside() -> None:
    image, matte, _ = soft_case()
    edges = estimate_edges(image, matte)
    alpha = np.asarray(matte)
    soft = (alpha > 0) & (alpha < 255)
    values = np.asarray(edges)
    assert values[soft].min() >= 1
    far = np.asarray(Image.fromarray(soft).convert("L").filter(ImageFilter.MaxFilter(7))) == 0
    assert (values[far] == 0).all()


def test_no_edges_without_softness() -> None:
    hard = Image.new("L", (30, 20))
    hard.paste(255, (10, 5, 20, 15))
    assert estimate_edges(ball((30, 20)), hard) is None


def test_no_old_background_shines_through() -> None:
    """The ball on green, with a soft matte, over white: decontaminated it has no green rim."""
    image = ball((300, 300), ground=(0, 255, 0))
    matte = image.getchannel("R").point(lambda value: 255 if value > 100 else 0)
    matte = matte.filter(ImageFilter.GaussianBlur(3))
    edges = estimate_edges(image, matte)
    white = (255, 255, 255, 255)
    without = render(image, matte, RenderSpec(background=white, decontaminate=False), edges=edges)
    clean_rim = render(image, matte, RenderSpec(background=white), edges=edges)

    def greenness(picture: Image.Image) -> float:
        values = np.asarray(picture, int)
        return float(np.clip(values[..., 1] - values[..., 0], 0, None).mean())

    assert greenness(clean_rim) < greenness(without) / 4
