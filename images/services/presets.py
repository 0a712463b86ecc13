"""Rendition parameters that people give a name, to ask for them by it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from images.models import Preset
from images.models.preset import MAX_PRESET_NAME
from images.models.tag import folded
from images.services.errors import LimitReached, Missing
from images.services.render_specs import is_storable, params_for
from images.services.tags import is_visible
from processing.errors import InvalidSpec
from processing.presets import PRESETS
from processing.spec.values import canonical, pairs

if TYPE_CHECKING:
    from accounts.models import User

MAX_PRESETS = 200
MAX_FOLDED: int = Preset._meta.get_field("folded").max_length or 0


class PresetLimitReached(LimitReached):
    code = "preset_limit_reached"
    message = f"You have {MAX_PRESETS} presets, which is as many as anybody may have."


class PresetGone(Missing):
    """Deleted a moment ago."""

    code = "preset_gone"
    message = "This preset has been deleted."


class BadName(Exception):
    """`code`: blank, max_length, invalid or unique; `message`: a sentence about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def create_preset(*, owner: "User", name: str, params: Mapping[str, str]) -> Preset:
    """Keep `params` under `name`, checked and each in canonical form.

    Raises BadName, InvalidSpec with the parameter's name, PresetLimitReached.
    """
    preset = Preset(owner=owner, name=_checked(name), spec=_canonical(owner, params))
    with transaction.atomic():
        # Whoever adds one holds the row of the owner, so nobody is counting at the same time.
        type(owner).objects.select_for_update(no_key=True).get(pk=owner.pk)
        if Preset.objects.filter(owner=owner).count() >= MAX_PRESETS:
            raise PresetLimitReached
        with _refusing_taken_names():
            preset.save(force_insert=True)
    return preset


def change_preset(
    *, preset: Preset, name: str | None = None, params: Mapping[str, str] | None = None
) -> None:
    """Raises what `create_preset` raises, or PresetGone. None: as it is."""
    if name is not None:
        preset.name = _checked(name)
    if params is not None:
        preset.spec = _canonical(preset.owner, params)
    preset.folded = folded(preset.name)
    changes = {field: getattr(preset, field) for field in ("name", "folded", "spec")}
    # Saving the row would write one anew that was deleted a moment ago.
    with _refusing_taken_names():
        changed = Preset.objects.filter(pk=preset.pk).update(**changes)
    if not changed:
        raise PresetGone


@contextmanager
def _refusing_taken_names() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise BadName("unique", "You have a preset of this name.") from error


def _canonical(owner: "User", params: Mapping[str, str]) -> str:
    spec = canonical(params_for(owner=owner, params=params))
    longest = Preset._meta.get_field("spec").max_length or 0
    if len(spec) > longest:
        raise InvalidSpec("parameters", "These parameters are too long to be kept.")
    return spec


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise BadName("blank", "A preset needs a name.")
    if len(name) > MAX_PRESET_NAME or len(key := folded(name)) > MAX_FOLDED:
        raise BadName("max_length", f"The name may have at most {MAX_PRESET_NAME} characters.")
    if not is_storable(name) or not is_visible(name):
        raise BadName("invalid", "The name holds characters that cannot be shown.")
    if key in PRESETS:
        raise BadName("unique", f"Everybody has a preset called “{key}”; choose another name.")
    return name


def parameters_of(preset: Preset) -> dict[str, str]:
    """What it stands for, without what is at its default."""
    return pairs(preset.spec)
