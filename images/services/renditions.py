"""Outputs of a cutout: found in the cache, or rendered, encoded and stored."""

import secrets
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum

from images.models import Cutout, Rendition
from images.services.errors import CutoutNotReady
from images.services.finished import check_done
from images.services.render_specs import backdrop_reader
from images.services.rendering import render_cutout
from images.services.slots import rendering
from images.services.storage import StoredFiles, is_stored
from processing.memory import give_back
from processing.pipeline import Pixels
from processing.spec import RenderSpec


def get_rendition(
    *, cutout: Cutout, spec: RenderSpec, backdrop: Callable[[], Pixels] | None = None
) -> Rendition:
    """The stored output of `cutout` for `spec`, made now if it is not there yet.

    backdrop: reads the picture that the spec names by its content, if that is not one of the
    owner's stored backdrops; called at most once, in the place for rendering.

    Raises CutoutNotReady while there is no matte, CutoutHasFailed if there will be none, Busy when
    no render slot comes free in time, InvalidSpec if the parameters do not fit this picture,
    FileLost if an input file is gone.
    """
    check_done(cutout)
    spec = spec.for_size((cutout.image.width, cutout.image.height))
    found = _find(cutout.pk, str(spec))
    if found:
        return found
    with rendering(f"{cutout.pk}:{spec}", owner=cutout.owner_id):
        made = _find(cutout.pk, str(spec)) or _make(
            cutout, spec, backdrop or backdrop_reader(cutout, spec)
        )
        give_back(cutout.image.width * cutout.image.height)
    return made


def _find(cutout_id: UUID, spec: str) -> Rendition | None:
    rendition = Rendition.objects.filter(cutout_id=cutout_id, spec=spec).first()
    if rendition is None:
        return None
    if not is_stored(rendition.file):
        rendition.delete()  # somebody emptied the cache by hand, as they may
        return None
    rendition.touch()
    return rendition


def _make(cutout: Cutout, spec: RenderSpec, backdrop: Callable[[], Pixels] | None) -> Rendition:
    data, (width, height) = render_cutout(cutout=cutout, spec=spec, backdrop=backdrop)
    rendition = Rendition(
        cutout=cutout,
        spec=str(spec),
        content_type=spec.content_type,
        width=width,
        height=height,
        byte_size=len(data),
    )
    files = StoredFiles()
    rendition.file = files.save(rendition.file, f"{secrets.token_hex(8)}.{spec.extension}", data)
    try:
        with transaction.atomic():
            rendition.save(force_insert=True)
    except IntegrityError as error:
        files.drop()
        return _made_elsewhere(cutout, spec, error)
    return rendition


def _made_elsewhere(cutout: Cutout, spec: RenderSpec, error: IntegrityError) -> Rendition:
    """Another machine stored the same output first, or the cutout was purged meanwhile."""
    found = _find(cutout.pk, str(spec))
    if found is None:
        raise CutoutNotReady from error
    return found


def trim_renditions() -> int:
    """Delete the outputs longest unused until the rest fits RENDITION_CACHE_BYTES."""
    total = Rendition.objects.aggregate(total=Sum("byte_size"))["total"] or 0
    removed = 0
    while total > settings.RENDITION_CACHE_BYTES:
        oldest = list(Rendition.objects.order_by("last_used_at")[:100])
        if not oldest:
            break
        for rendition in oldest:
            total -= rendition.byte_size
            rendition.delete()
            removed += 1
            if total <= settings.RENDITION_CACHE_BYTES:
                break
    return removed
