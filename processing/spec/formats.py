"""The formats that renditions come in."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_SIDE = 30_000
MAX_PIXELS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One format of renditions. ``max_side`` and ``max_pixels`` are what it can or may hold."""

    content_type: str
    extension: str
    alpha: bool = True
    quality: int | None = None
    max_side: int = MAX_SIDE
    max_pixels: int = MAX_PIXELS


OUTPUT_FORMATS: Mapping[str, OutputFormat] = {
    "png": OutputFormat("image/png", "png"),
    "webp": OutputFormat("image/webp", "webp", quality=85, max_side=16_383),
    "jpeg": OutputFormat("image/jpeg", "jpg", alpha=False, quality=90),
    # AVIF needs gigabytes for larger pictures.
    "avif": OutputFormat("image/avif", "avif", quality=70, max_pixels=16_000_000),
}
