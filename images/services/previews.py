"""The picture as browsers can show it: upright, sRGB, of bounded size, without metadata."""

import secrets
from contextlib import AbstractContextManager

from images.models import Image
from images.services.slots import only_one, render_slot
from images.services.storage import StoredFiles, is_stored, open_file
from processing.imageio import encode_preview, open_working_copy
from processing.pipeline import make_preview


def ensure_preview(*, image: Image, slot: AbstractContextManager[None] | None = None) -> Image:
    """Make the preview of `image` if it is not there, within `slot` (a render slot by default).

    Raises Busy when no render slot comes free in time, ProcessingError if the original cannot be
    decoded, FileLost if it is gone.
    """
    if is_stored(image.preview):
        return image
    with only_one(f"preview:{image.pk}"), slot or render_slot():
        image.refresh_from_db(fields=["preview"])
        if not is_stored(image.preview):
            _make(image)
    return image


def _make(image: Image) -> None:
    with open_file(image.original) as file:
        copy = open_working_copy(file, max_pixels=None)
    files = StoredFiles()
    name = files.save(
        image.preview,
        f"preview-{secrets.token_hex(4)}.webp",
        encode_preview(make_preview(copy.image)),
    )
    if Image.objects.filter(pk=image.pk).update(preview=name):
        image.preview = name
    else:  # purged meanwhile
        files.drop()
