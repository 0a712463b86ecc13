"""Hostile files cost next to nothing, and real ones lose nothing that shows."""

import io
import struct
import time
import tracemalloc
from typing import Any

import pytest
from PIL import GifImagePlugin, Image

from processing.errors import NotAnImage, TooManyPixels, UnsupportedFormat
from processing.essentials import find_essentials
from processing.essentials.splice import Splice
from processing.guards import exif_orientation
from processing.imageio import open_image, open_working_copy, read_header

from . import hostile
from .pictures import close, corners, encoded

# A quarter of what an upload may have takes hundredths of a second, and took seconds before.
SECONDS = 1.0
MEMORY = 40_000_000


class CountingFile(io.BytesIO):
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


@pytest.mark.parametrize("name", hostile.TOO_MANY_PIECES)
@pytest.mark.parametrize("function", [read_header, open_image, open_working_copy])
def test_files_of_very_many_pieces_are_refused(name: str, function: Any) -> None:
    file = CountingFile(hostile.TOO_MANY_PIECES[name]())
    started = time.perf_counter()
    with pytest.raises(NotAnImage, match="implausible"):
        function(file)
    assert time.perf_counter() - started < SECONDS
    assert file.reads < 100_000


@pytest.mark.parametrize("name", hostile.LEFT_OUT)
@pytest.mark.parametrize("function", [read_header, open_image])
def test_what_surrounds_a_picture_is_left_out(name: str, function: Any) -> None:
    file = CountingFile(hostile.LEFT_OUT[name]())
    started = time.perf_counter()
    result = function(file)
    assert time.perf_counter() - started < SECONDS
    assert file.reads < 5_000
    if isinstance(result, Image.Image):
        assert close(result, corners(), 8)
    else:
        assert (result.width, result.height) == (60, 40)


@pytest.mark.parametrize("name", [*hostile.TOO_MANY_PIECES, *hostile.LEFT_OUT])
def test_headers_take_little_memory(name: str) -> None:
    file = io.BytesIO((hostile.TOO_MANY_PIECES | hostile.LEFT_OUT)[name]())
    tracemalloc.start()
    try:
        read_header(file)
    except NotAnImage:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY


def test_a_huge_canvas_is_not_made_before_its_size_is_checked() -> None:
    file = find_essentials(io.BytesIO(hostile.gif_with_a_huge_canvas()), "gif").file
    with pytest.warns(Image.DecompressionBombWarning):
        image = Image.open(file)
    assert isinstance(image, GifImagePlugin.GifImageFile)
    assert image.dispose is None
    with pytest.raises(TooManyPixels):
        read_header(io.BytesIO(hostile.gif_with_a_huge_canvas()), max_pixels=50_000_000)


def test_jpeg_scans_are_limited() -> None:
    assert close(open_image(io.BytesIO(hostile.with_scans(25))), corners(), 8)
    for function in (open_image, open_working_copy):
        with pytest.raises(NotAnImage, match="scans"):
            function(io.BytesIO(hostile.with_scans(60)))


def test_no_false_end_hides_jpeg_scans() -> None:
    """Neither an end inside a comment nor one in what only looks like a segment counts."""
    whole = hostile.with_scans(60)
    first = whole.index(b"\xff\xda")
    for lure in (hostile.segment(0xFE, b"\xff\xd9"), b"\xff\xf0\0\4\0\0\xff\xd9"):
        for at in (20, first):
            with pytest.raises(NotAnImage, match="scans"):
                open_image(io.BytesIO(whole[:at] + lure + whole[at:]))
    second = whole.index(b"\xff\xda", first + 2)
    lure = hostile.segment(0xFE, b"\xff\xd9")
    with pytest.raises(NotAnImage, match="scans"):
        open_image(io.BytesIO(whole[:second] + lure + whole[second:]))


def test_what_follows_a_jpeg_does_not_count_as_scans() -> None:
    assert open_image(io.BytesIO(hostile.with_scans(0) + b"\xff\xda\0\2" * 500)).size == (60, 40)


def test_a_long_run_of_fill_after_the_scan_is_refused() -> None:
    whole = encoded(corners(), "JPEG").getvalue()
    assert open_image(io.BytesIO(whole[:-2] + b"\xff" * 1_000 + whole[-2:])).size == (60, 40)
    with pytest.raises(NotAnImage, match="implausible"):
        open_image(io.BytesIO(whole[:-2] + b"\xff" * 1_000_000 + whole[-2:]))


def test_arithmetic_coding_is_refused_by_name() -> None:
    whole = encoded(corners(), "JPEG").getvalue()
    with pytest.raises(UnsupportedFormat, match="arithmetic"):
        read_header(io.BytesIO(whole.replace(b"\xff\xc0", b"\xff\xc9", 1)))


def test_run_lengths_of_a_bmp_are_limited() -> None:
    runs = b"\x04\x07\0\0" * 3 + b"\0\1"
    assert open_image(io.BytesIO(hostile.bmp_with_runs((4, 3), runs))).getpixel((3, 2)) == (7, 0, 7)
    with pytest.raises(TooManyPixels, match="megapixels"):
        read_header(io.BytesIO(hostile.bmp_with_runs((5_000, 5_000), runs)))
    with pytest.raises(NotAnImage, match="implausible"):
        read_header(io.BytesIO(hostile.bmp_with_runs((4, 3), b"\0\0" * 1_000_000)))


def test_each_of_two_equal_tiff_tags_must_keep_the_limits() -> None:
    entries = [(273, 4, 12_000_000, 8), (273, 4, 1, 8)]
    table = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    file = io.BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + table + bytes(8))
    with pytest.raises(NotAnImage, match="implausible"):
        read_header(file)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "value"), [("H", 6), ("L", 8)])
def test_orientation_is_read_in_either_byte_order(order: str, kind: str, value: int) -> None:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHL{kind}", 274, 3 if kind == "H" else 4, 1, value)
    block = magic + struct.pack(order + "LH", 8, 1) + entry.ljust(12, b"\0") + bytes(4)
    assert exif_orientation(block) == exif_orientation(b"Exif\0\0" + block) == value


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"rubbish" * 9, b"II*\0\x08\0\0\0\xff\xff"])
def test_broken_exif_means_upright(block: bytes) -> None:
    assert exif_orientation(block) == 1


def test_a_profile_in_many_segments_is_kept() -> None:
    """As press profiles of two megabytes come."""
    profile = bytes(range(256)) * 8_000
    parts = [profile[at : at + 65_000] for at in range(0, len(profile), 65_000)]
    segments = b"".join(
        hostile.segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part)
        for number, part in enumerate(parts, start=1)
    )
    file = find_essentials(io.BytesIO(hostile.jpeg_with(segments)), "jpeg").file
    assert Image.open(file).info["icc_profile"] == profile


def test_padding_between_segments_is_passed_over() -> None:
    for padding in (bytes(30_000), b"\xff" * 30_000, b"\xff\0" * 15_000):
        assert close(open_image(io.BytesIO(hostile.jpeg_with(padding))), corners(), 8)


def test_a_first_frame_is_cut_out_of_an_animation() -> None:
    whole = hostile.animated_webp()
    file = find_essentials(io.BytesIO(whole), "webp").file
    assert getattr(Image.open(io.BytesIO(whole)), "n_frames", 0) == 5
    assert getattr(Image.open(file), "n_frames", 0) == 1
    assert close(open_image(io.BytesIO(whole)), Image.new("RGB", (60, 40)), 3)


@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_files_cut_off_anywhere_are_refused_or_opened(pillow: str) -> None:
    """No cut makes the walk itself fail."""
    whole = encoded(corners(), pillow).getvalue()
    for length in range(16, len(whole), max(1, len(whole) // 200)):
        for function in (read_header, open_image):
            try:
                assert function(io.BytesIO(whole[:length])) is not None
            except Exception as error:
                assert hasattr(error, "code"), error  # noqa: PT017 - any refusal will do


def test_a_splice_reads_like_a_file() -> None:
    file = io.BytesIO(b"0123456789")
    splice = Splice(b"head", file, 3, 8)
    plain = io.BytesIO(b"head34567")
    steps = [(0, 0, 2), (2, 0, 4), (6, 0, -1), (9, 0, 1), (-3, 2, 2), (-2, 1, 9), (50, 0, 1)]
    for offset, whence, size in steps:
        assert splice.seek(offset, whence) == plain.seek(offset, whence)
        assert splice.read(size) == plain.read(size)
        assert splice.tell() == plain.tell()
