"""What files are called outside: on people's disks, in archives, in export folders."""

import re
import unicodedata
from pathlib import PurePosixPath

from images.models import Image
from processing.sniff import FORMATS

# How files of the formats we read are called: jpg and jpeg, tif and tiff, heic and heif.
PICTURE_ENDINGS = list(
    dict.fromkeys(
        ending
        for row in FORMATS.values()
        for ending in (row.extension, row.name, row.pillow.lower())
    )
)
MAX_FILE_NAME_BYTES = 200
# Composing takes time that grows with the square of some texts; no name needs more than this.
LONGEST_COMPOSED = 1000
_ENDING = re.compile(rf"\.({'|'.join(PICTURE_ENDINGS)})$", re.IGNORECASE)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_UNSAFE = re.compile(r'[<>:"/\\|?*]')


def download_name(image: Image, extension: str) -> str:
    """What a finished picture is saved as: the original's name with the ending of its format."""
    name = without_ending(image.display_name).replace("/", "-").strip(". -")
    return f"{name or 'picture'}.{extension}"


def without_ending(name: str) -> str:
    """`name` without the ending of a picture's file, if it has one."""
    return _ENDING.sub("", name)


def compose(name: str) -> str:
    """Each letter with its accents as one character; of a very long name only so much."""
    return unicodedata.normalize("NFC", shorten(name, LONGEST_COMPOSED))


def shorten(name: str, length: int) -> str:
    """At most `length` characters, with the ending kept."""
    if len(name) <= length:
        return name
    suffix = PurePosixPath(name).suffix[:20]
    return name[: length - len(suffix)] + suffix


def safe_file_name(name: str) -> str:
    """`name` as one part of a path that every file system takes.

    No separators, control characters or names that Windows keeps for itself; not hidden, neither
    "." nor ".."; at most 200 bytes, with the ending kept.
    """
    printable = "".join("_" if unicodedata.category(c)[0] == "C" else c for c in compose(name))
    plain = _UNSAFE.sub("_", printable).strip(" .") or "_"
    if _RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    before, dot, after = plain.rpartition(".")
    ending = dot + after if before and len(after) <= 10 else ""
    room = MAX_FILE_NAME_BYTES - len(ending.encode())
    stem = plain.removesuffix(ending).encode()[:room].decode(errors="ignore")
    return stem.rstrip(" ") + ending
