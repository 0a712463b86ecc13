"""Every format, mode, orientation and profile becomes upright 8-bit sRGB; the rest is refused."""

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from processing.errors import (
    EmptyFile,
    FileTooLarge,
    NotAnImage,
    ProcessingError,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)
from processing.imageio import (
    encode,
    encode_edges,
    encode_matte,
    encode_preview,
    open_image,
    open_working_copy,
    read_header,
)
from processing.spec import RenderSpec
from tests.datasets import test_pictures as pictures_of

from .pictures import RED, WHITE, ball, close, corners, encoded, noise

FORMATS: list[tuple[str, str, dict[str, Any], float]] = [
    ("jpeg", "JPEG", {"quality": 95, "subsampling": 0}, 4),
    ("jpeg", "MPO", {"quality": 95, "save_all": True, "append_images": [ball((60, 40))]}, 4),
    ("png", "PNG", {}, 0),
    ("webp", "WEBP", {"lossless": True}, 0),
    ("avif", "AVIF", {"quality": 95}, 6),
    ("tiff", "TIFF", {}, 0),
    ("tiff", "TIFF", {"compression": "tiff_lzw"}, 0),
    ("tiff", "TIFF", {"big_tiff": True}, 0),
    ("gif", "GIF", {}, 0),
    ("bmp", "BMP", {}, 0),
]


@pytest.mark.parametrize(("name", "pillow", "options", "tolerance"), FORMATS)
def test_reads_each_format(
    name: str, pillow: str, options: dict[str, Any], tolerance: float
) -> None:
    file = encoded(corners(), pillow, **options)
    header = read_header(file)
    assert (header.format, header.width, header.height) == (name, 60, 40)
    assert header.content_type.startswith("image/")
    assert file.tell() == 0
    assert close(open_image(file), corners(), tolerance)


@pytest.mark.parametrize("pillow", ["PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_takes_the_first_of_several_frames(pillow: str) -> None:
    second = Image.new("RGB", (60, 40), (0, 0, 0))
    file = encoded(corners(), pillow, save_all=True, append_images=[second, second])
    assert close(open_image(file), corners(), 8)


def turned(orientation: int) -> Image.Image:
    """What a camera stores so that a viewer who honours the orientation sees ``corners()``."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return corners().transpose(undo[orientation]) if orientation in undo else corners()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_turns_pictures_upright(pillow: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = encoded(turned(orientation), pillow, exif=exif.tobytes())
    header = read_header(file)
    assert (header.width, header.height) == (60, 40)
    assert open_working_copy(file).full_size == (60, 40)
    assert close(open_image(file), corners(), 10)


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"rubbish" * 9])
def test_ignores_broken_exif(exif: bytes) -> None:
    assert open_image(encoded(corners(), "JPEG", exif=exif)).size == (60, 40)


def test_a_png_header_is_read_without_decoding() -> None:
    """A file cut off after its header still has a header, whatever follows."""
    whole = encoded(Image.fromarray(noise((400, 300), 1)), "PNG").getvalue()
    file = io.BytesIO(whole[: len(whole) // 2])
    assert read_header(file).width == 400
    with pytest.raises(TruncatedImage):
        open_image(file)


MODES = {
    "grey": ball().convert("L"),
    "one bit": ball().convert("1", dither=Image.Dither.NONE),
    "palette": ball().quantize(8),
    "grey and alpha": ball().convert("LA"),
    "rgba": ball().convert("RGBA"),
    "cmyk": ball().convert("CMYK"),
}


@pytest.mark.parametrize(
    ("mode", "pillow"),
    [
        ("grey", "PNG"),
        ("grey", "JPEG"),
        ("one bit", "PNG"),
        ("one bit", "TIFF"),
        ("palette", "PNG"),
        ("palette", "GIF"),
        ("palette", "BMP"),
        ("grey and alpha", "PNG"),
        ("rgba", "PNG"),
        ("rgba", "WEBP"),
        ("cmyk", "JPEG"),
        ("cmyk", "TIFF"),
    ],
)
def test_any_mode_becomes_rgb(mode: str, pillow: str) -> None:
    picture = MODES[mode]
    image = open_image(encoded(picture, pillow))
    assert image.mode == "RGB"  # all of them are opaque
    assert close(image, picture.convert("RGB"), 4)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_greys_are_scaled_not_cut(dtype: type) -> None:
    ramp: np.ndarray = np.tile(np.linspace(0, 65535, 256), (8, 1)).astype(dtype)
    image = open_image(encoded(Image.fromarray(ramp), "TIFF"))
    assert np.abs(np.asarray(image)[4, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_a_16_bit_png_is_scaled() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (4, 1))
    image = open_image(encoded(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(np.asarray(image)[2, :, 1], np.arange(256))


def test_floats_from_0_to_1_are_scaled_and_nan_is_black() -> None:
    values = np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)
    image = open_image(encoded(Image.fromarray(values), "TIFF"))
    assert [image.getpixel((x, 0)) for x in range(4)] == [
        (0,) * 3,
        (128,) * 3,
        (255,) * 3,
        (0,) * 3,
    ]


def test_transparency_is_kept() -> None:
    picture = ball().convert("RGBA")
    picture.putpixel((0, 0), (10, 20, 30, 0))
    picture.putpixel((1, 0), (10, 20, 30, 128))
    image = open_image(encoded(picture, "PNG"))
    assert image.mode == "RGBA"
    assert list(image.getchannel("A").tobytes()[:3]) == [0, 128, 255]


@pytest.mark.parametrize(("mode", "value"), [("L", 255), ("RGB", WHITE), ("P", 0), ("1", 255)])
def test_a_transparent_colour_is_transparency(mode: str, value: object) -> None:
    picture = Image.new(mode, (4, 4), 255 if mode in ("L", "1") else 0)
    if mode == "RGB":
        picture.paste(WHITE, (0, 0, 4, 4))
    image = open_image(encoded(picture, "PNG", transparency=value))
    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 0)


def wide_profile() -> bytes:
    """A profile in which the three channels are not those of sRGB: XYZ as an RGB-like space."""
    lab_like = ImageCms.createProfile("sRGB")
    return ImageCms.ImageCmsProfile(lab_like).tobytes()


def test_an_srgb_profile_changes_nothing_and_is_dropped() -> None:
    file = encoded(corners(), "PNG", icc_profile=wide_profile())
    image = open_image(file)
    assert close(image, corners(), 0)
    assert image.info == {}


def swapped_profile() -> bytes:
    """sRGB with red's and blue's columns exchanged, so that applying it can be seen."""
    data = bytearray(wide_profile())
    count = struct.unpack_from(">L", data, 128)[0]
    place = {}
    for i in range(count):
        tag = bytes(data[132 + 12 * i : 136 + 12 * i])
        place[tag] = 132 + 12 * i
    red, blue = place[b"rXYZ"], place[b"bXYZ"]
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    # The name must not say sRGB any more.
    for old, new in ((b"sRGB", b"abcd"), (b"\0s\0R\0G\0B", b"\0a\0b\0c\0d")):
        data = bytearray(bytes(data).replace(old, new))
    return bytes(data)


@pytest.mark.parametrize("pillow", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_a_profile_is_applied(pillow: str) -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    options = {"lossless": True} if pillow == "WEBP" else {}
    image = open_image(encoded(red, pillow, icc_profile=swapped_profile(), **options))
    pixel = image.getpixel((8, 8))
    assert isinstance(pixel, tuple)
    assert pixel[2] > 240
    assert pixel[0] < 15


def test_a_profile_leaves_alpha_alone() -> None:
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 77))
    image = open_image(encoded(picture, "PNG", icc_profile=swapped_profile()))
    assert image.getpixel((0, 0)) == (0, 0, 255, 77)


@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()[:300]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert close(open_image(encoded(corners(), "PNG", icc_profile=profile)), corners(), 0)


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    grey = ball().convert("L")
    image = open_image(encoded(grey, "PNG", icc_profile=swapped_profile()))
    assert close(image, grey.convert("RGB"), 0)


def test_metadata_is_gone() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    file = encoded(corners(), "JPEG", exif=exif.tobytes(), comment=b"secret", dpi=(300, 300))
    assert open_image(file).info == {}


REFUSED = {
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "PDF": b"%PDF-1.7\n",
    "Photoshop": b"8BPS\0\1" + bytes(40),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "ICO": b"\0\0\1\0\1\0" + bytes(40),
    "QOI": b"qoif" + bytes(20),
    "PNM": b"P6\n1 1\n255\n\0\0\0",
    "ZIP": b"PK\3\4" + bytes(30),
    "video": b"\0\0\0\x20ftypisom" + bytes(40),
    "BMP with an embedded PNG": b"BM" + bytes(12) + b"\x28" + bytes(15) + b"\5" + bytes(23),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
    "HTML": b"<!DOCTYPE html><html></html>",
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_kinds_of_files_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=name) as caught:
        read_header(io.BytesIO(REFUSED[name]))
    assert "JPEG, PNG" in caught.value.message


@pytest.mark.parametrize(
    "content",
    [b"hello", b"BM is how this text begins", bytes(100), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NotAnImage):
        read_header(io.BytesIO(content))


@pytest.mark.parametrize(
    "pillow",
    [
        "TGA",
        "PPM",
        "PCX",
        "ICO",
        "ICNS",
        "DDS",
        "SGI",
        "JPEG2000",
        "EPS",
        "PDF",
        "IM",
        "QOI",
        "DIB",
    ],
)
def test_pillow_opens_nothing_outside_the_list(pillow: str) -> None:
    with pytest.raises((NotAnImage, UnsupportedFormat)):
        open_image(encoded(corners((64, 64)), pillow))


def test_empty_and_too_large_files() -> None:
    with pytest.raises(EmptyFile):
        read_header(io.BytesIO())
    file = encoded(corners(), "BMP")
    with pytest.raises(FileTooLarge, match="MB"):
        read_header(file, max_bytes=1000)
    assert read_header(file, max_bytes=len(file.getvalue())).format == "bmp"


@pytest.mark.parametrize("function", [read_header, open_image, open_working_copy])
def test_too_many_pixels_are_refused_from_the_header(function: Any) -> None:
    file = encoded(Image.new("L", (300, 200)), "PNG")
    with pytest.raises(TooManyPixels, match="300 x 200"):
        function(file, max_pixels=59_999)
    function(file, max_pixels=60_000)


def bomb(width: int, height: int) -> io.BytesIO:
    """A PNG that claims any size in a few bytes."""
    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">L", 13) + b"IHDR" + head + struct.pack(">L", zlib.crc32(b"IHDR" + head))
    data = zlib.compress(b"")
    idat = struct.pack(">L", len(data)) + b"IDAT" + data
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk + idat + struct.pack(">L", zlib.crc32(b"IDAT" + data))
    )


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_000, 9_000)])
def test_bombs_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels):
        read_header(bomb(*size), max_pixels=50_000_000)


def test_a_text_bomb_is_not_unpacked() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("note", "a" * 20_000_000, zip=True)
    assert close(open_image(encoded(corners(), "PNG", pnginfo=info)), corners(), 0)


def tiff_with(tag: int, kind: int, count: int, value: int) -> io.BytesIO:
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (tag, kind, count, value)]
    table = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return io.BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(64))


@pytest.mark.parametrize(
    ("tag", "kind", "count", "value"),
    [(273, 4, 12_000_000, 8), (258, 3, 5_000_000, 8)],
)
def test_a_tiff_with_absurd_tables_is_refused(tag: int, kind: int, count: int, value: int) -> None:
    with pytest.raises(NotAnImage, match="implausible"):
        read_header(tiff_with(tag, kind, count, value))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_with_absurd_tiles_is_refused(order: str) -> None:
    entries = [(322, 3, 1, 65535), (323, 3, 1, 65535)]
    table = b"".join(
        struct.pack(order + "HHLHH", tag, kind, count, value, 0)
        for tag, kind, count, value in entries
    )
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "LH", 8, len(entries))
    with pytest.raises(NotAnImage, match="tiles"):
        read_header(io.BytesIO(head + table + bytes(8)))


@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_cut_off_files_are_refused(pillow: str) -> None:
    whole = encoded(Image.fromarray(noise((80, 60), 2)), pillow).getvalue()
    for part in (0.3, 0.6, 0.9):
        with pytest.raises((TruncatedImage, NotAnImage)):
            open_image(io.BytesIO(whole[: int(len(whole) * part)]))


@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_damaged_files_never_raise_anything_else(pillow: str) -> None:
    whole = encoded(corners(), pillow).getvalue()
    random = np.random.default_rng(7)
    for _ in range(60):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 6):
            data[place] = random.integers(0, 256)
        with contextlib.suppress(ProcessingError):
            assert open_image(io.BytesIO(bytes(data)), max_pixels=1_000_000).size > (0, 0)


def test_a_working_copy_of_a_large_jpeg_is_reduced() -> None:
    picture = Image.fromarray(noise((90, 60), 3)).resize((2700, 1800), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    copy = open_working_copy(encoded(picture, "JPEG", exif=exif.tobytes()), min_side=600)
    assert copy.full_size == (1800, 2700)
    assert 600 <= max(copy.image.size) < 1200
    expected = picture.transpose(Image.Transpose.ROTATE_270).resize(copy.image.size)
    assert close(copy.image, expected, 4)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_a_working_copy_of_other_files_is_reduced(mode: str) -> None:
    picture = ball((1300, 700)).convert(mode)
    pillow = "TIFF" if mode == "CMYK" else "PNG"
    copy = open_working_copy(encoded(picture, pillow), min_side=300)
    assert copy.full_size == (1300, 700)
    assert 300 <= max(copy.image.size) < 600
    assert close(copy.image, picture.convert("RGB").resize(copy.image.size), 3)


def test_a_small_picture_is_its_own_working_copy() -> None:
    copy = open_working_copy(encoded(corners(), "PNG"))
    assert copy.full_size == copy.image.size == (60, 40)


@pytest.mark.parametrize("format_name", ["png", "webp", "jpeg", "avif"])
def test_outputs_carry_no_metadata(format_name: str) -> None:
    image = ball()
    image.info = {
        "icc_profile": wide_profile(),
        "exif": b"Exif\0\0II*\0",
        "comment": b"secret",
        "dpi": (72, 72),
    }
    result = Image.open(io.BytesIO(encode(image, RenderSpec(format=format_name))))
    result.load()
    assert (
        result.format == {"png": "PNG", "webp": "WEBP", "jpeg": "JPEG", "avif": "AVIF"}[format_name]
    )
    assert not {"icc_profile", "exif", "comment"} & set(result.info)
    assert "secret" not in str(result.info)


def test_quality_matters() -> None:
    image = Image.fromarray(noise((64, 64), 5))
    for name in ("jpeg", "webp", "avif"):
        low = encode(image, RenderSpec(format=name, quality=10))
        high = encode(image, RenderSpec(format=name, quality=95))
        assert len(low) < len(high)


def test_mattes_edges_and_previews_come_back() -> None:
    matte = Image.fromarray(noise((50, 30), 6, bands=1))
    assert close(Image.open(io.BytesIO(encode_matte(matte))), matte, 0)
    assert close(Image.open(io.BytesIO(encode_edges(corners()))), corners(), 0)
    preview = Image.open(io.BytesIO(encode_preview(corners())))
    assert (preview.format, preview.size) == ("WEBP", (60, 40))


def test_heic() -> None:
    """Pillow writes no HEIC, so only the test data has some."""
    files = [path for path in pictures_of("awkward") if path.suffix == ".heic"]
    assert files
    for path in files:
        with path.open("rb") as file:
            assert read_header(file).format == "heic"
            assert open_image(file).size == open_working_copy(file).full_size


def outcome(path: Path) -> str:
    """ "opened", or the code of the refusal; anything else is raised."""
    with path.open("rb") as file:
        try:
            header = read_header(file, max_bytes=25_000_000, max_pixels=50_000_000)
            copy = open_working_copy(file, max_pixels=50_000_000)
        except ProcessingError as error:
            return error.code
    sizes_agree = copy.full_size == (header.width, header.height)
    return "opened" if sizes_agree and copy.image.mode in ("RGB", "RGBA") else "inconsistent"


def test_awkward_files_open_or_are_refused_with_a_code() -> None:
    outcomes = {path.name: outcome(path) for path in pictures_of("awkward")}
    refusals = {"not_an_image", "unsupported_format", "truncated_image", "too_many_pixels"}
    assert set(outcomes.values()) <= {"opened", *refusals}
    assert outcomes["pillow__truncated_jpeg.jpg"] == "truncated_image"
    assert outcomes["pillow__pil_sample_cmyk.jpg"] == "opened"
    assert outcomes["pillow__decompression_bomb.gif"] == "too_many_pixels"
    assert outcomes["pillow__hopper.psd"] == "unsupported_format"


def test_ground_colour_survives() -> None:
    assert open_image(encoded(ball(), "PNG")).getpixel((0, 0)) == WHITE
    assert open_image(encoded(ball(), "PNG")).getpixel((60, 45)) == RED
