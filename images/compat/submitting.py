"""A picture that came through another service's interface becomes a cutout, or finds its own."""

from typing import TYPE_CHECKING

from django.utils import timezone

from images.models import Cutout, Image
from images.services.repeats import REPEATED_WITHIN, find_repeat
from images.services.uploads import digest, submit_image
from processing.spec import ExtractSpec

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User


def submit_once(
    *, owner: "User", file: "File[bytes]", extract_spec: ExtractSpec, keep: bool | None = None
) -> tuple[Cutout, bool]:
    """(the cutout, whether it is new): one that is there or under way already costs nothing.

    keep: in the owner's history; None asks the owner's account. Raises what `submit_image` raises.
    """
    kept = owner.keep_api_results if keep is None else keep
    found = find_repeat(owner=owner, sha256=digest(file), extract_spec=extract_spec)
    if found is not None:
        if kept:
            Image.objects.filter(pk=found.image_id).update(expires_at=None)
        return found, False
    expires = None if kept else timezone.now() + REPEATED_WITHIN
    image = submit_image(owner=owner, file=file, extract_spec=extract_spec, expires_at=expires)
    assert image.latest_cutout is not None
    return image.latest_cutout, True
