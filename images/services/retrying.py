"""Whether another attempt, exactly as the last, can end otherwise."""

from images.models import Cutout
from processing.errors import (
    EmptyFile,
    NotAnImage,
    NothingFound,
    TruncatedImage,
    UnsupportedFormat,
)

# What is wrong lies in the picture, and will be wrong again.
LASTING = frozenset(
    error.code for error in (EmptyFile, NotAnImage, NothingFound, TruncatedImage, UnsupportedFormat)
)


def may_help(cutout: Cutout) -> bool:
    """False where the same would be found again, or the matte that was sent is not kept."""
    if cutout.kind == Cutout.Kind.EDITED and not cutout.sent_matte:
        return False
    return cutout.error_code not in LASTING
