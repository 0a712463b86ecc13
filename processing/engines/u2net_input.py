"""What U²-Net wants to be shown."""

import numpy as np
from PIL import Image

SIZE = (320, 320)
# ImageNet's, as rembg's U²-Net session gives them to its own normalize().
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def to_input(image: Image.Image) -> np.ndarray:
    """An RGB picture of any size as float32 (1, 3, 320, 320), divided by its highest value, then
    by ImageNet's mean and deviation: what rembg's ``normalize`` gives, in single precision.
    """
    small = image.resize(SIZE, Image.Resampling.LANCZOS, reducing_gap=2)
    pixels = np.asarray(small, np.float32)
    pixels = pixels / max(float(pixels.max()), 1e-6)
    normal = (pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])
