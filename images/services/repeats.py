"""The same picture sent twice: programs that lose patience send it again, and find it under way."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from images.models import Cutout, Status
from processing.spec import ExtractSpec

if TYPE_CHECKING:
    from accounts.models import User

REPEATED_WITHIN = timedelta(minutes=10)
PASSING = ("cancelled", "deadline_exceeded", "internal_error", "too_many_attempts")


def find_repeat(*, owner: "User", sha256: str, extract_spec: ExtractSpec) -> Cutout | None:
    """The newest cutout of the same bytes by the same parameters, if it is only minutes old.

    How it is to be rendered does not matter. A failure that may pass is none that is found again.
    """
    recent = Cutout.objects.filter(
        image__owner=owner,
        image__sha256=sha256,
        image__deleted_at=None,
        kind=Cutout.Kind.EXTRACTED,
        extract_spec=str(extract_spec),
        created_at__gte=timezone.now() - REPEATED_WITHIN,
    ).exclude(status=Status.FAILED, error_code__in=PASSING)
    return recent.select_related("image").order_by("-created_at").first()
