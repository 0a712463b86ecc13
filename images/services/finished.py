"""Whether there is anything to show of a cutout."""

from images.models import Cutout, Status
from images.services.errors import CutoutHasFailed, CutoutNotReady


def check_done(cutout: Cutout) -> None:
    """Raises CutoutHasFailed, or CutoutNotReady while it waits or is worked on."""
    if cutout.status == Status.FAILED:
        raise CutoutHasFailed(cutout.error_code, cutout.error_message)
    if cutout.status != Status.DONE:
        raise CutoutNotReady
