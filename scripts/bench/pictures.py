"""Pictures to measure with: JPEG files of exactly the size that is asked for."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

QUALITY = 92
GRAIN = 4.0  # standard deviation of the noise that an enlarged picture lacks, in grey levels
# Photographs in scikit-image's wheel in which something stands out.
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")


@dataclass(frozen=True)
class Picture:
    name: str
    content: bytes


def make_pictures(megapixels: float, folder: Path | None) -> list[Picture]:
    """One for each photograph in `folder` (or in scikit-image), scaled to that many megapixels."""
    pictures = []
    for path in find_photographs(folder):
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        pictures.append(Picture(f"{path.stem}.jpg", encode(resize(image, megapixels))))
    return pictures


def find_photographs(folder: Path | None) -> list[Path]:
    if folder is not None:
        return sorted(
            p for p in folder.iterdir() if p.suffix.lower() in Image.registered_extensions()
        )
    return list(_skimage_photographs())


def _skimage_photographs() -> Iterator[Path]:
    import skimage  # slow to import, and needed without --images alone

    for name in PHOTOGRAPHS:
        path = Path(skimage.__file__).parent / "data" / name
        if path.exists():
            yield path


def resize(image: Image.Image, megapixels: float) -> Image.Image:
    """To about so many megapixels. Grain makes an enlarged one as hard to encode as others."""
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = (round(image.width * scale), round(image.height * scale))
    resized = image.resize(size, Image.Resampling.BICUBIC)
    return add_grain(resized) if scale > 1 else resized


def add_grain(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, GRAIN, (image.height, image.width, 1))
    pixels = np.asarray(image, dtype=np.float32) + noise.astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
