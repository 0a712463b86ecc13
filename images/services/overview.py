"""How the installation is doing, in a few queries whose cost does not grow with its age."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext

from images.models import Cutout, Rendition, Status, Usage
from images.queue.claims import CANCELLED
from images.services.disk import DiskUsage, disk_usage
from images.services.engines import offered_engines, problem_of
from processing.engines.catalog import ENGINES, EngineInfo, engine_problem, weights_path
from processing.quantization.choice import known_choice

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
REASONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Cutouts that failed with `code` in the last 24 hours and 7 days, and when the last did."""

    code: str
    last_day: int
    last_week: int
    latest: datetime


def failures_by_code() -> list[FailureCount]:
    """Of the last 7 days, the most frequent first. One query, by index.

    What somebody cancelled did not go wrong.
    """
    now = timezone.now()
    ended = Cutout.objects.filter(status=Status.FAILED, finished_at__gte=now - WEEK)
    recent = ended.exclude(error_code=CANCELLED).order_by()
    counted = recent.values_list("error_code").annotate(
        last_day=Count("pk", filter=Q(finished_at__gte=now - DAY)),
        last_week=Count("pk"),
        latest=Max("finished_at"),
    )
    return sorted(
        (FailureCount(*row) for row in counted), key=lambda row: (-row.last_week, row.code)
    )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What people thought of engines' work in the last 30 days.

    reasons: of the latest that gave one.
    """

    up: int
    down: int
    reasons: Sequence[Cutout]

    @property
    def share(self) -> int | None:
        """Percentage of thumbs up; None while nobody has judged."""
        judged = self.up + self.down
        return round(100 * self.up / judged) if judged else None


def verdicts() -> Verdicts:
    """Two queries, by index."""
    rated = Cutout.objects.filter(kind=Cutout.Kind.EXTRACTED, rated_at__gte=timezone.now() - MONTH)
    counted = dict(rated.order_by().values_list("rating").annotate(Count("pk")))
    reasons = rated.exclude(rating_reason="").select_related("image").order_by("-rated_at")
    return Verdicts(
        up=counted.get(Cutout.Rating.UP, 0),
        down=counted.get(Cutout.Rating.DOWN, 0),
        reasons=list(reasons[:REASONS_SHOWN]),
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes. disk_free, disk_total: where the pictures lie, or the data with object storage.
    originals, pictures: from the counters. renditions: from the rows. measured: the rest.
    """

    disk_free: int
    disk_total: int
    pictures: int
    originals: int
    renditions: int
    measured: DiskUsage | None


def storage() -> Storage:
    """Two queries and a look at the disk."""
    kept = Usage.objects.aggregate(pictures=Sum("images"), originals=Sum("bytes"))
    disk = shutil.disk_usage(_existing(Path(settings.MEDIA_ROOT)))
    return Storage(
        disk_free=disk.free,
        disk_total=disk.total,
        pictures=kept["pictures"] or 0,
        originals=kept["originals"] or 0,
        renditions=Rendition.objects.aggregate(total=Sum("byte_size"))["total"] or 0,
        measured=disk_usage(),
    )


@dataclass(frozen=True, slots=True)
class People:
    """Those who have left are not counted. active: seen in the last 30 days."""

    total: int
    active: int
    administrators: int


def people() -> People:
    users = (
        get_user_model()
        ._default_manager.filter(deletion_requested_at=None)
        .aggregate(
            total=Count("pk"),
            active=Count("pk", filter=Q(last_seen_at__gte=timezone.now() - MONTH)),
            administrators=Count("pk", filter=Q(is_staff=True, is_active=True)),
        )
    )
    return People(**users)


@dataclass(frozen=True, slots=True)
class EngineState:
    """state: ready; missing or damaged, where its weights are; optional, where nobody has fetched
    weights that need not be there; off, where a setting keeps it from being used.
    command: what brings the weights; "" when not needed. precision: what it computes in, as the
    end of a sentence, or "" where there is no choice.
    """

    info: EngineInfo
    is_default: bool
    state: str
    problem: str
    command: str
    precision: str


def engines() -> list[EngineState]:
    """Every engine that people may choose. Reads the disk, no rows."""
    return [_state_of(info) for info in offered_engines()]


def _state_of(info: EngineInfo) -> EngineState:
    model_dir = Path(settings.MODEL_DIR)
    of_weights = engine_problem(info, model_dir=model_dir) if info.needs_weights else None
    return EngineState(
        info=info,
        is_default=_is_default(info),
        state=_state_by(info, model_dir, of_weights),
        problem=of_weights or problem_of(info) or "",
        command=f"manage.py fetch_models {info.name}" if of_weights else "",
        precision=_precision_of(info, model_dir) if of_weights is None else "",
    )


def _precision_of(info: EngineInfo, model_dir: Path) -> str:
    """What it computes in on a processor like this one, as far as it is known."""
    quantized = ENGINES.get(info.quantized_as)
    if quantized is None:
        return ""
    choice = known_choice(quantized, weights_path(quantized, model_dir=model_dir))
    if choice is None:
        return ""
    if choice.precision == "int8":
        return gettext("computes in 8-bit integers")
    return gettext("computes in single precision: %(why)s") % {"why": choice.notice}


def _state_by(info: EngineInfo, model_dir: Path, of_weights: str | None) -> str:
    if of_weights is None:
        return "off" if problem_of(info) else "ready"
    if weights_path(info, model_dir=model_dir).exists():
        return "damaged"
    return "optional" if info.on_demand and not _is_default(info) else "missing"


def _is_default(info: EngineInfo) -> bool:
    return info.name == settings.DEFAULT_ENGINE


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
