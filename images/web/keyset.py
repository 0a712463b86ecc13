"""Pages by cursor: as quick on the last page as on the first, and steady while rows are added.

A cursor names the row at the edge of a page and the direction to go from there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from images.models import Image
from images.models.image import ImageQuerySet

PAGE_SIZE = 48
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    moment: datetime
    pk: UUID
    backwards: bool = False

    @classmethod
    def parse(cls, text: str) -> "Self | None":
        """None for anything that is not a cursor, which then means the first page."""
        direction, _, rest = text.partition("-")
        micros, _, pk = rest.partition("-")
        try:
            moment = EPOCH + timedelta(microseconds=int(micros))
            return cls(moment, UUID(pk), backwards={"after": False, "before": True}[direction])
        except (ValueError, KeyError, OverflowError):
            return None

    def __str__(self) -> str:
        micros = (self.moment - EPOCH) // timedelta(microseconds=1)
        return f"{'before' if self.backwards else 'after'}-{micros}-{self.pk.hex}"


@dataclass(frozen=True, slots=True)
class Page:
    images: list[Image]
    next: Cursor | None
    previous: Cursor | None


def paginate(
    images: ImageQuerySet, cursor: str, *, by: str = "created_at", size: int = PAGE_SIZE
) -> Page:
    """One page of `images`, newest `by` first: one query, and no count."""
    at = Cursor.parse(cursor)
    backwards = at is not None and at.backwards
    order = (by, "id") if backwards else (f"-{by}", "-id")
    rows = list((_beyond(images, at, by) if at else images).order_by(*order)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    older = more or backwards
    newer = more if backwards else at is not None
    return Page(
        images=rows,
        next=_edge(rows[-1], by) if rows and older else None,
        previous=_edge(rows[0], by, backwards=True) if rows and newer else None,
    )


def neighbours(images: ImageQuerySet, image: Image) -> tuple[UUID | None, UUID | None]:
    """The pictures before and after `image` in a list that has the newest first."""
    newer = _beyond(images, Cursor(image.created_at, image.pk, backwards=True), "created_at")
    older = _beyond(images, Cursor(image.created_at, image.pk), "created_at")
    return (
        newer.order_by("created_at", "id").values_list("pk", flat=True).first(),
        older.order_by("-created_at", "-id").values_list("pk", flat=True).first(),
    )


def _beyond(images: ImageQuerySet, at: Cursor, by: str) -> ImageQuerySet:
    """As a bound and an exception, so that an index on (by, id) serves: what is beyond or ties,
    less the ties that are nearer.
    """
    compare, tie = ("gte", "lte") if at.backwards else ("lte", "gte")
    return images.filter(**{f"{by}__{compare}": at.moment}).exclude(
        **{by: at.moment, f"id__{tie}": at.pk}
    )


def _edge(image: Image, by: str, *, backwards: bool = False) -> Cursor:
    return Cursor(getattr(image, by), image.pk, backwards=backwards)
