"""Comparing alphas: the figures, the framing, and what cannot be compared."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from processing.errors import ProcessingError
from processing.parity import (
    Comparison,
    NotComparable,
    NoTransparency,
    compare,
    match_results,
    on_chequers,
    open_result,
    show_difference,
)

SIZE = (800, 600)


RED, GREY = (200, 40, 30), (225, 230, 235)


def disc(size: tuple[int, int] = SIZE, box: tuple[int, ...] = (200, 150, 500, 400)) -> Image.Image:
    alpha = Image.new("L", size)
    ImageDraw.Draw(alpha).ellipse(box, fill=255)
    return alpha


def cut_out(alpha: Image.Image, colour: tuple[int, int, int] = RED) -> Image.Image:
    picture = Image.new("RGB", alpha.size, colour)
    picture.putalpha(alpha)
    return picture


def photographed(alpha: Image.Image) -> Image.Image:
    """What stands there, red before grey."""
    picture = Image.new("RGB", alpha.size, GREY)
    picture.paste(RED, mask=alpha)
    return picture


def compared(old: Image.Image, new: Image.Image) -> tuple[Comparison, Image.Image]:
    """Of alphas: the picture is of the new one, and the old one has its colour."""
    return compare(cut_out(old), photographed(new), new)


def test_the_same() -> None:
    found, framed = compared(disc(), disc())
    assert (found.framing, found.difference, found.off, found.overlap) == ("whole", 0, 0, 1)
    assert found.offset == 0
    assert framed.tobytes() == disc().tobytes()


def test_figures_of_two_rectangles() -> None:
    """A strip of 100 of 400 columns is missing, but for a fifth in its right half."""
    old, new = Image.new("L", (400, 100), 255), Image.new("L", (400, 100), 255)
    new.paste(0, (0, 0, 50, 100))
    new.paste(51, (50, 0, 100, 100))
    found, _framed = compare(cut_out(old), Image.new("RGB", old.size, RED), new)
    assert found.difference == pytest.approx((50 * 255 + 50 * 204) / 255 / 400)
    assert found.off == pytest.approx(0.25)
    assert found.overlap == pytest.approx(0.75)
    assert found.offset == pytest.approx(100 / 400)


def test_a_tenth_is_not_off() -> None:
    old, new = Image.new("L", (10, 10), 200), Image.new("L", (10, 10), 225)
    assert compared(old, new)[0].off == 0
    assert compared(old, Image.new("L", (10, 10), 226))[0].off == 1


@pytest.mark.parametrize("size", [(577, 433), (80, 60), (333, 250), (8, 6)])
def test_previews_are_compared_at_their_size(size: tuple[int, int]) -> None:
    found, framed = compared(disc().resize(size, Image.Resampling.BOX), disc())
    assert (found.framing, framed.size) == ("smaller", size)
    assert found.difference < 0.002
    assert found.overlap > 0.97


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.21, 2.0])
@pytest.mark.parametrize("margin", [0, 40])
def test_cropped_results_are_found(scale: float, margin: int) -> None:
    left, top, right, bottom = 200 - margin, 150 - margin, 501 + margin, 401 + margin
    part = disc().crop((left, top, right, bottom))
    old = part.resize((round(part.width * scale), round(part.height * scale)))
    found, framed = compared(old, disc())
    assert (found.framing, found.offset, framed.size) == ("cropped", None, old.size)
    assert found.overlap > 0.97
    assert found.difference < 0.02


def test_a_subject_that_was_moved_on_a_canvas_of_the_same_shape() -> None:
    old = Image.new("L", SIZE)
    old.paste(disc().crop((200, 150, 501, 401)), (480, 340))
    found, _framed = compared(old, disc())
    assert (found.framing, found.overlap > 0.97) == ("cropped", True)


@pytest.mark.parametrize("box", [(250, 200, 450, 350), (300, 160, 490, 390)])
def test_a_worse_cutout_is_none_that_was_moved(box: tuple[int, ...]) -> None:
    """A part of the subject alone, perhaps even of its shape."""
    found, _framed = compared(disc(box=box), disc())
    assert found.framing == "whole"
    assert found.overlap < 0.8
    assert found.offset
    nothing = compared(Image.new("L", SIZE), disc())[0]
    assert (nothing.framing, nothing.overlap, nothing.offset) == ("whole", 0, None)


@pytest.mark.parametrize(
    "old",
    [
        cut_out(disc((300, 900), (10, 10, 290, 890))),
        cut_out(Image.new("L", (100, 300))),
        cut_out(disc((500, 500), (10, 200, 490, 240))),
        cut_out(disc(), colour=(30, 40, 200)),
    ],
    ids=["another shape", "empty", "another subject", "another colour"],
)
def test_what_cannot_be_compared(old: Image.Image) -> None:
    with pytest.raises(NotComparable):
        compare(old, photographed(disc()), disc())


def saved(image: Image.Image, format_name: str) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, format_name)
    return buffer


class TestReading:
    @pytest.mark.parametrize("format_name", ["PNG", "WEBP"])
    def test_pictures(self, format_name: str) -> None:
        found = open_result(saved(cut_out(disc()), format_name))
        assert ImageChops.difference(found.getchannel("A"), disc()).getextrema()[1] == 0

    def archive(self, **parts: bytes) -> io.BytesIO:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name.replace("_", "."), content)
        return buffer

    def test_zips(self) -> None:
        colour = saved(Image.new("RGB", SIZE, (200, 40, 30)), "JPEG").getvalue()
        alpha = saved(disc(), "PNG").getvalue()
        found = open_result(self.archive(color_jpg=colour, alpha_png=alpha))
        assert found.mode == "RGBA"
        assert found.getchannel("A").tobytes() == disc().tobytes()
        small = saved(disc((80, 60)), "PNG").getvalue()
        for wrong in ({}, {"color_jpg": colour}, {"color_jpg": colour, "alpha_png": small}):
            with pytest.raises(NoTransparency):
                open_result(self.archive(**wrong))
        with pytest.raises(ProcessingError):
            open_result(self.archive(color_jpg=b"no picture", alpha_png=alpha))

    def test_a_zip_that_is_cut_off(self) -> None:
        with pytest.raises(NoTransparency):
            open_result(io.BytesIO(b"PK\3\4" + bytes(100)))

    def test_without_transparency(self) -> None:
        with pytest.raises(NoTransparency):
            open_result(saved(Image.new("RGB", SIZE), "JPEG"))
        with pytest.raises(ProcessingError):
            open_result(io.BytesIO(b"text that is no picture at all"))


def test_names() -> None:
    originals = [Path(name) for name in ("Cat.jpg", "dog.jpeg", "owl.png", "alone.jpg")]
    results = [
        Path(name)
        for name in (
            *("cat-removebg-preview.png", "cat.webp", "dog.jpeg_no_bg.png"),
            *("owl.zip", "nobody.png"),
        )
    ]
    pairs, left = match_results(originals, results)
    assert [(one.name, other.name) for one, other in pairs] == [
        ("Cat.jpg", "cat-removebg-preview.png"),
        ("dog.jpeg", "dog.jpeg_no_bg.png"),
        ("owl.png", "owl.zip"),
    ]
    assert {path.name for path in left} == {"cat.webp", "alone.jpg", "nobody.png"}


def test_colours_of_the_difference() -> None:
    old, new = Image.new("L", (3, 1), 255), Image.new("L", (3, 1), 255)
    old.putpixel((1, 0), 0)
    new.putpixel((2, 0), 0)
    shown = show_difference(old, new)
    assert [shown.getpixel((x, 0)) for x in range(3)] == [
        (255, 255, 255),
        (0, 0, 255),
        (255, 0, 0),
    ]


def test_chequers_show_where_nothing_is() -> None:
    shown = on_chequers(cut_out(Image.new("L", (32, 32))))
    assert {shown.getpixel(at) for at in ((0, 0), (8, 0), (0, 8), (8, 8))} == {
        (255, 255, 255),
        (205, 205, 205),
    }
