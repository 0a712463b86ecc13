"""Cleaner edges than a network's small map has: hair, fur and whatever else is thin or soft."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from .refining import Fine

# What `why` may say, in sentences for people.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "refined": "The edges were refined.",
        "no_edges": "There are no edges to refine.",
        "hard_edges": "The edges were left as they are: they are hard, and refining blurs them.",
        "too_soft": "The edges were left as they are: refined, too much of them stays soft.",
        "contradicted": "The edges were left as they are: refined, it would be another subject.",
        "solver_failed": "The edges were left as they are: refining them failed.",
    }
)
# Measured; docs/engines.md tells how. Refining brings a matte nearer to the truth where strands
# appear (the outline is much longer), or where hardly any of the subject is soft in the end and the
# edge has more detail, or far less of it is soft than before. Elsewhere the colours cannot tell
# subject from ground, and the refined edge is a haze; a much softer one hides a hard edge.
STRANDS, LITTLE_DOUBT, DETAIL, LESS_SOFT, MUCH_SOFTER = 2.0, 0.025, 1.05, 0.5, 1.5
# Below this intersection over union with the engine's subject something else was found.
LEAST_AGREEMENT = 0.5
# Smaller pictures have no edges to speak of.
LEAST_SIDE = 16


@dataclass(frozen=True, slots=True)
class Refined:
    """matte: L, of any size up to the picture's. why: what was done or why not, see REASONS."""

    matte: Image.Image
    why: str


def refine(image: Image.Image, matte: Image.Image, how: str) -> Refined:
    """Refine the edges of a matte.

    image: RGB. matte: L, cleaned, of any size; the whole picture maps onto it. how: on, or auto,
    which decides by the result, and keeps what was there where that is likely to be better.
    """
    # Inline: web processes import this module for its words, and compute nothing.
    from .refining import refine_edges

    low, high = matte.getextrema()
    if low == high or min(image.size) < LEAST_SIDE:
        return Refined(matte, "no_edges")
    fine = refine_edges(image, matte)
    if fine is None:
        return Refined(matte, "solver_failed")
    if fine.agreement < LEAST_AGREEMENT:
        return Refined(matte, "contradicted")
    if how == "auto" and not _is_better(fine):
        return Refined(matte, "hard_edges" if fine.growth > MUCH_SOFTER else "too_soft")
    return Refined(fine.matte, "refined")


def _is_better(fine: "Fine") -> bool:
    detailed = fine.length >= DETAIL or fine.growth <= LESS_SOFT
    return fine.length >= STRANDS or (fine.doubt <= LITTLE_DOUBT and detailed)
