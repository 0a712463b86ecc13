"""What a decoder needs of a file, without the rest, which a hostile sender can blow up.

Decoders parse metadata we never use, and take time and memory that grow with the number of its
pieces, some with the square of it. So files are first walked here, at a fixed price for a piece and
with a limit on their number, and Pillow sees only what the pixels depend on. A file that merely
carries much metadata loses it; one cut into absurdly small pieces is refused.
"""

import io
from typing import BinaryIO

from .boxes import walk_boxes
from .common import Essentials
from .gif import walk_gif
from .jpeg import walk_jpeg
from .png import walk_png
from .webp import walk_webp

__all__ = ["Essentials", "find_essentials"]

_WALKS = {
    "jpeg": walk_jpeg,
    "png": walk_png,
    "gif": walk_gif,
    "webp": walk_webp,
    "avif": walk_boxes,
    "heic": walk_boxes,
}


def find_essentials(fp: BinaryIO, format_name: str) -> Essentials:
    """Leave out of a file what its first frame's pixels do not depend on (TIFF and BMP: nothing).

    The result reads from ``fp``, which must stay open. Raises NotAnImage or UnsupportedFormat.
    """
    walk = _WALKS.get(format_name)
    return Essentials(fp) if walk is None else walk(fp, fp.seek(0, io.SEEK_END))
