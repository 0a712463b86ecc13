"""Files built to keep a reader busy: a small picture among very many pieces of metadata."""

import struct
import zlib
from collections.abc import Callable

from PIL import ExifTags, Image

from .pictures import corners, encoded

LENGTH = 6_000_000


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<L", len(data)) + data + b"\0" * (len(data) % 2)


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data) + 8) + kind + data


def many(piece: bytes) -> bytes:
    return piece * (LENGTH // len(piece))


def jpeg_with(extra: bytes) -> bytes:
    whole = encoded(corners(), "JPEG").getvalue()
    return whole[:20] + extra + whole[20:]


def png_with(extra: bytes) -> bytes:
    whole = encoded(corners(), "PNG").getvalue()
    return whole[:33] + extra + whole[33:]


def png_ending_with(extra: bytes) -> bytes:
    whole = encoded(corners(), "PNG").getvalue()
    return whole[:-12] + extra + whole[-12:]


def gif_with(extra: bytes) -> bytes:
    whole = encoded(corners().quantize(4), "GIF").getvalue()
    size = 13 + (3 << ((whole[10] & 7) + 1))
    return whole[:size] + extra + whole[size:]


def webp_with(extra: bytes) -> bytes:
    picture = encoded(corners(), "WEBP").getvalue()[12:]
    canvas = bytes([0b1100, 0, 0, 0, 59, 0, 0, 39, 0, 0])
    body = b"WEBP" + riff(b"VP8X", canvas) + picture + extra
    return b"RIFF" + struct.pack("<L", len(body)) + body


def webp_frame_with(extra: bytes) -> bytes:
    picture = encoded(corners(), "WEBP").getvalue()[12:]
    side = bytes([59, 0, 0, 39, 0, 0])
    frame = riff(b"ANMF", bytes(6) + side + bytes(4) + picture + extra)
    body = b"WEBP" + riff(b"VP8X", bytes([2, 0, 0, 0]) + side) + riff(b"ANIM", bytes(6)) + frame
    return b"RIFF" + struct.pack("<L", len(body)) + body


def avif_with(extra: bytes) -> bytes:
    whole = encoded(corners(), "AVIF").getvalue()
    start = int.from_bytes(whole[:4], "big")
    return whole[:start] + extra + whole[start:]


def avif_with_exif(block: bytes) -> bytes:
    """Pillow writes an AVIF with a short EXIF; the item is then made to point to a long one."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    short = exif.tobytes().removeprefix(b"Exif\0\0")
    whole = bytearray(encoded(corners(), "AVIF", exif=exif.tobytes()).getvalue())
    extent = struct.pack(">LL", whole.index(short) - 10, 10 + len(short))
    at = whole.index(extent)
    whole[at : at + 8] = struct.pack(">LL", len(whole) + 8, 4 + len(block))
    return bytes(whole) + box(b"mdat", bytes(4) + block)


def exif_of_rationals() -> bytes:
    """An orientation that consists of very many fractions."""
    count = LENGTH // 8
    entry = struct.pack("<HHHLLL", 1, 274, 5, count, 26, 0)
    return b"II*\0\x08\0\0\0" + entry + struct.pack("<LL", 1, 1) * count


def text_bombs() -> bytes:
    """A megabyte of text in each of sixty chunks, four bytes to a letter once unpacked."""
    packed = zlib.compress("\U0001f600".encode() + b"a" * 1_000_000, 9)
    return b"".join(chunk(b"iTXt", b"key%d\0\1\0\0\0" % number + packed) for number in range(60))


def with_scans(repeats: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = encoded(corners(), "JPEG", progressive=True).getvalue()
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * repeats + whole[-2:]


def bmp_with_runs(size: tuple[int, int], runs: bytes) -> bytes:
    palette = b"".join(bytes([value, 0, value, 0]) for value in range(256))
    start = 54 + len(palette)
    head = struct.pack("<LHHL", start + len(runs), 0, 0, start)
    info = struct.pack("<LllHHLLllLL", 40, *size, 1, 8, 1, len(runs), 1, 1, 256, 0)
    return b"BM" + head + info + palette + runs


_PROFILE_BOMB = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1_000_000), 9))
_EXIF_PIECE = segment(0xE1, b"Exif\0\0A")

# These are refused for the number of their pieces.
TOO_MANY_PIECES: dict[str, Callable[[], bytes]] = {
    "JPEG, EXIF": lambda: jpeg_with(many(_EXIF_PIECE)),
    "JPEG, padding": lambda: jpeg_with(many(b"\xff")),
    "JPEG, stuffed zeros": lambda: jpeg_with(many(b"\xff\0")),
    "JPEG, restarts": lambda: jpeg_with(many(b"\xff\xd0")),
    "JPEG, comments": lambda: jpeg_with(many(segment(0xFE, b""))),
    "JPEG, application data": lambda: jpeg_with(many(segment(0xE5, b""))),
    "JPEG, Huffman tables": lambda: jpeg_with(many(segment(0xC4, b""))),
    "JPEG, layers": lambda: jpeg_with(many(segment(0xC0, b"\x08\0\1\0\1\3" + bytes(60_000)))),
    "JPEG, quantization": lambda: jpeg_with(many(segment(0xDB, (b"\0" + b"\1" * 64) * 1000))),
    "PNG, empty chunks": lambda: png_with(many(chunk(b"abCd", b""))),
    "PNG, empty IDAT": lambda: png_with(many(chunk(b"IDAT", b""))),
    "PNG, gamma": lambda: png_with(many(chunk(b"gAMA", bytes(4)))),
    "PNG, text": lambda: png_with(many(chunk(b"tEXt", b"k\0v"))),
    "GIF, comment": lambda: gif_with(b"!\xfe" + many(b"\1a") + b"\0"),
    "GIF, application data": lambda: gif_with(b"!\xff\x0bNETSCAPE2.0" + many(b"\1a") + b"\0"),
    "GIF, junk": lambda: gif_with(many(b"\0")),
    "WebP, unknown chunks": lambda: webp_with(many(riff(b"abcd", b""))),
    "WebP, unknown chunks in a frame": lambda: webp_frame_with(many(riff(b"abcd", b""))),
    "AVIF, boxes": lambda: avif_with(many(box(b"free", b""))),
}

# These hold a picture like any other, once what surrounds it is left out.
LEFT_OUT: dict[str, Callable[[], bytes]] = {
    "JPEG, long EXIF": lambda: jpeg_with(many(segment(0xE1, b"Exif\0\0" + bytes(18_000)))),
    "JPEG, extended XMP": lambda: jpeg_with(many(segment(0xE1, b"http://" + bytes(65_000)))),
    "JPEG, Photoshop": lambda: jpeg_with(many(segment(0xED, b"Photoshop 3.0\0" + bytes(9_000)))),
    "PNG, profiles": lambda: png_with(_PROFILE_BOMB * 2_000),
    "PNG, text bombs": lambda: png_with(text_bombs()),
    "PNG, EXIF": lambda: png_with(chunk(b"eXIf", exif_of_rationals())),
    "PNG, chunks at the end": lambda: png_ending_with(many(chunk(b"abCd", b""))),
    "PNG, profiles at the end": lambda: png_ending_with(_PROFILE_BOMB * 2_000),
    "PNG, text bombs at the end": lambda: png_ending_with(text_bombs()),
    "WebP, EXIF": lambda: webp_with(riff(b"EXIF", exif_of_rationals())),
    "WebP, XMP": lambda: webp_with(riff(b"XMP ", bytes(LENGTH))),
    "AVIF, EXIF": lambda: avif_with_exif(exif_of_rationals()),
}


def gif_with_a_huge_canvas() -> bytes:
    """Asks for the canvas to be cleared after the first picture."""
    side = struct.pack("<HH", 13_000, 13_000)
    control = b"!\xf9\x04\x08\0\0\0\0"
    return b"GIF89a" + side + bytes(3) + control + b"," + bytes(4) + side + b"\0\x08\1\0\0;"


def animated_webp() -> bytes:
    frames = [Image.new("RGB", (60, 40), (number, 0, 0)) for number in range(0, 250, 50)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]).getvalue()
