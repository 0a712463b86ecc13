"""Rendition parameters as people send them, with the names of their own presets and backdrops."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from images.models import Backdrop, Cutout, Preset
from images.models.preset import MAX_PRESET_NAME
from images.models.tag import folded
from images.services.storage import open_file
from processing.errors import InvalidSpec
from processing.imageio import open_image
from processing.pipeline import Pixels
from processing.presets import PRESETS
from processing.spec import Backdrop as BackdropGround
from processing.spec import RenderSpec
from processing.spec.values import pairs

if TYPE_CHECKING:
    from accounts.models import User

_BY_ROW = re.compile(r"backdrop-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
# Parameters that may change nothing, each with one beside which it does.
_SEEN_WITH = {
    "background": {"format": "png"},
    "margin": {"crop": "subject"},
    "shadow_opacity": {"shadow": "drop"},
    "quality": {"format": "jpeg"},
}
_NO_BACKDROP = "background: there is no such backdrop of yours."


def render_spec_for(*, owner: "User", params: Mapping[str, str]) -> RenderSpec:
    """The spec that `params` mean for `owner`.

    `preset` names a built-in preset or one of theirs; what else is given replaces its values.
    `background=backdrop-<id>` names a backdrop of theirs by its row, which becomes its content.
    Blank values count as absent. Raises InvalidSpec with the parameter's name.
    """
    return _spec_of(owner, _resolved(owner, params))


def params_for(*, owner: "User", params: Mapping[str, str]) -> dict[str, str]:
    """`params` without names of presets, checked, in canonical form and without defaults.

    What changes nothing beside the others stays: white behind a JPEG is seen once somebody asks
    for the same as WebP. Raises what `render_spec_for` raises.
    """
    given = _resolved(owner, params)
    found = _spec_of(owner, given).params()
    for name, others in _SEEN_WITH.items():
        if name in given and name not in found:
            seen = RenderSpec.from_params(others | {name: given[name]}).params()
            found |= {name: seen[name]} if name in seen else {}
    return {field.name: found[field.name] for field in fields(RenderSpec) if field.name in found}


def _resolved(owner: "User", params: Mapping[str, str]) -> dict[str, str]:
    """With the values of the preset, and a backdrop by its content."""
    given = {name: value for name, value in params.items() if value.strip()}
    preset = given.pop("preset", "")
    if preset:
        given = _preset_params(owner, preset) | given
    if match := _BY_ROW.fullmatch(given.get("background", "").strip()):
        given["background"] = f"backdrop-{_content_of(owner, match[1])}"
    return given


def _spec_of(owner: "User", given: Mapping[str, str]) -> RenderSpec:
    spec = RenderSpec.from_params(given)
    if isinstance(spec.background, BackdropGround):
        _find_backdrop(owner.pk, spec.background.sha256)
    return spec


def backdrop_reader(cutout: Cutout, spec: RenderSpec) -> Callable[[], Pixels] | None:
    """Reads the backdrop of the cutout's owner that the spec names; None if it names none.

    The reader raises InvalidSpec if that backdrop is gone, FileLost if its file is.
    """
    ground = spec.background
    if not isinstance(ground, BackdropGround):
        return None

    def read() -> Pixels:
        with open_file(_find_backdrop(cutout.owner_id, ground.sha256).file) as file:
            return open_image(file, max_pixels=settings.MAX_PIXELS)

    return read


def _preset_params(owner: "User", name: str) -> dict[str, str]:
    name = name.strip()
    # No preset has a much longer name, and folding takes time that grows with the square of some.
    key = folded(name) if len(name) <= 4 * MAX_PRESET_NAME else ""
    # Databases refuse other text, and no preset has such a name.
    if key and is_storable(key):
        own = Preset.objects.filter(owner=owner, folded=key).first()
        if own is not None:
            return pairs(own.spec)
    if key not in PRESETS:
        names = ", ".join(PRESETS)
        raise InvalidSpec("preset", f"There is no such preset of yours; everybody has {names}.")
    return dict(PRESETS[key].params)


def is_storable(text: str) -> bool:
    """Whether databases take it: no NUL, nothing that is half a character."""
    return not any(unicodedata.category(c) in {"Cc", "Cs"} for c in text)


def _content_of(owner: "User", row: str) -> str:
    found = Backdrop.objects.filter(owner=owner, pk=UUID(row)).values_list("sha256", flat=True)
    sha256 = found.first()
    if sha256 is None:
        raise InvalidSpec("background", _NO_BACKDROP)
    return sha256


def _find_backdrop(owner_id: UUID, sha256: str) -> Backdrop:
    found = Backdrop.objects.filter(owner_id=owner_id, sha256=sha256).first()
    if found is None:
        raise InvalidSpec("background", _NO_BACKDROP)
    return found
