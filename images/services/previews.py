"""The picture as browsers can show it: upright, sRGB, of bounded size, without metadata."""

import secrets

from images.models import Image
from images.services.slots import rendering
from images.services.storage import StoredFiles, is_stored, open_file
from processing.imageio import encode_preview, open_working_copy
from processing.pipeline import Pixels, make_preview


def ensure_preview(*, image: Image) -> Image:
    """Make the preview of `image` if it is not there.

    Raises Busy when no render slot comes free in time, ProcessingError if the original cannot be
    decoded, FileLost if it is gone.
    """
    if is_stored(image.preview):
        return image
    with rendering(f"preview:{image.pk}", owner=image.owner_id):
        image.refresh_from_db(fields=["preview"])
        if not is_stored(image.preview):
            with open_file(image.original) as file:
                copy = open_working_copy(file, max_pixels=None)
            _store(image, make_preview(copy.image))
    return image


def store_preview(*, image: Image, preview: Pixels) -> None:
    """Keep a preview that was made on the way, unless there is one.

    For the worker, which never waits for a render slot.
    """
    image.refresh_from_db(fields=["preview"])
    if not is_stored(image.preview):
        _store(image, preview)


def _store(image: Image, preview: Pixels) -> None:
    files = StoredFiles()
    try:
        name = files.save(
            image.preview,
            f"preview-{secrets.token_hex(4)}.webp",
            encode_preview(preview),
        )
        stored = Image.objects.filter(pk=image.pk).update(preview=name)
    except BaseException:
        files.drop()
        raise
    if stored:
        image.preview = name
    else:  # purged meanwhile
        files.drop()
