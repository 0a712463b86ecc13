"""Any Pillow mode and colour profile to 8-bit sRGB: RGB, or RGBA when something is transparent."""

import io

import numpy as np
from PIL import Image, ImageCms

# Modes an ICC profile of that colour space can be applied to as they are.
_PROFILE_MODES = {"RGB ": ("RGB",), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab ": ("LAB",)}
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image to 8-bit sRGB, mode RGB or RGBA.

    An alpha channel that is opaque everywhere is dropped. A colour profile that is broken or
    belongs to another colour space is ignored, as browsers do. Deep greys (16 or 32 bits, float)
    are scaled to 8 bits, not cut off.
    """
    profile = image.info.get("icc_profile")
    alpha = _alpha_of(image)
    colours = _to_profile_mode(image)
    if profile:
        colours = _apply_profile(colours, profile)
    if colours.mode == "LAB":
        colours = _lab_to_srgb(colours)
    rgb = colours if colours.mode == "RGB" else colours.convert("RGB")
    if alpha is None or alpha.getextrema() == (255, 255):
        return rgb
    if rgb is image:
        rgb = rgb.copy()
    rgb.putalpha(alpha)
    return rgb


def values_of(image: Image.Image) -> Image.Image:
    """A loaded image as one channel of 8 bits: its alpha unless that is opaque, else its luminance.

    Profiles are left alone: the numbers are meant, not colours.
    """
    alpha = _alpha_of(image)
    if alpha is not None and alpha.getextrema() != (255, 255):
        return alpha
    plain = _to_profile_mode(image)
    return plain.copy() if plain is image and plain.mode == "L" else plain.convert("L")


def _alpha_of(image: Image.Image) -> Image.Image | None:
    if image.mode in _DEEP_MODES:
        return _deep_alpha(image)
    if image.mode in ("RGBA", "LA"):
        return image.getchannel("A")
    if not image.has_transparency_data:
        return None
    return image.convert("RGBA").getchannel("A")


def _deep_alpha(image: Image.Image) -> Image.Image | None:
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return None
    return Image.fromarray(np.where(np.asarray(image) == transparent, 0, 255).astype(np.uint8))


def _to_profile_mode(image: Image.Image) -> Image.Image:
    """Bring an image to one of L, RGB, CMYK, LAB without touching its colours."""
    if image.mode in _DEEP_MODES:
        return _deep_to_grey(image)
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    if image.mode in ("1", "LA", "La"):
        return image.convert("LA").getchannel("L") if image.mode != "1" else image.convert("L")
    if image.mode in ("P", "PA", "RGBa"):
        # A palette goes through RGBA: its entries may carry alpha, which "RGB" would blend away.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _deep_to_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = _deep_range(image.mode, values)
    scaled = np.empty(values.shape, np.uint8)
    for top in range(0, values.shape[0], 256):  # in strips: a float copy of 50 MP is 200 MB
        strip = np.nan_to_num(values[top : top + 256].astype(np.float32), nan=low)
        scaled[top : top + 256] = np.clip((strip - low) * (255.0 / (high - low)) + 0.5, 0, 255)
    return Image.fromarray(scaled)


def _deep_range(mode: str, values: np.ndarray) -> tuple[float, float]:
    """The values that mean black and white. Integers and floats leave it open: go by the data."""
    if mode.startswith("I;16"):
        return 0.0, 65535.0
    finite = values[np.isfinite(values)] if mode == "F" else values
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    for white in (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0):
        if low >= 0 and high <= white:
            return 0.0, white
    return low, high if high > low else low + 1.0


def _apply_profile(image: Image.Image, data: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        space = profile.profile.xcolor_space
        if image.mode not in _PROFILE_MODES.get(space, ()) or _is_srgb(profile):
            return image
        converted = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted or image


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    description = profile.profile.profile_description or ""
    return profile.profile.xcolor_space == "RGB " and "srgb" in description.lower()


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted
