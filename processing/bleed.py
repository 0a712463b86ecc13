"""Colours beyond the subject's edges, for files that keep colour and alpha apart."""

import numpy as np
from PIL import Image

from .grounds import weighted_fill

SIDE = 256


def without_transparency(picture: Image.Image) -> Image.Image:
    """RGB of an RGBA picture in which what is transparent goes on in the subject's colours.

    A hard step to black under the alpha's edge would ring in a JPEG, and show as a rim. Nothing of
    what lay there before is used.
    """
    alpha = picture.getchannel("A")
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2)
    weight = np.asarray(small.getchannel("A"), np.float32)[..., None] / 255
    if not weight.any():
        return Image.new("RGB", picture.size)
    filled = weighted_fill(np.asarray(small.convert("RGB"), np.float32), weight, sigma=2.0)
    ground = filled.resize(picture.size, Image.Resampling.BILINEAR)
    ground.paste(picture.convert("RGB"), mask=alpha.point(lambda value: 255 if value else 0))
    return ground
