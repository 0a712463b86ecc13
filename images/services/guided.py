"""Mattes refined by strokes while somebody waits, and stored as edited ones if they like them."""

import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile

from images.models import Cutout, Status
from images.services.edits import queue_matte
from images.services.errors import OriginalDeleted, ServiceError
from images.services.finished import check_done
from images.services.slots import rendering
from images.services.storage import open_file
from processing.errors import NothingFound, TooManyPixels
from processing.guided import (
    WORKING_SIDE,
    Prepared,
    Stroke,
    carry_over,
    is_too_much,
    prepare,
    refine_by_strokes,
    shrink,
)
from processing.imageio import encode_matte, open_matte, open_working_copy
from processing.pipeline import Pixels
from processing.spec.values import Region

# Strokes come in sequences: what they all need is kept for the next. So many pictures (7 to 9 MB
# each) and so many mattes (up to 1 MB), in each web process.
KEPT = 3
KEPT_SECONDS = 300.0


class StrokeOutside(ServiceError):
    """A stroke that would be without effect: most likely its coordinates mean something else."""

    code = "stroke_outside"

    def __init__(self, index: int, size: tuple[int, int]) -> None:
        super().__init__(
            f"No part of this stroke lies on the picture, which has {size[0]} x {size[1]} "
            "pixels. Points are in pixels of the upright original."
        )
        self.index = index


class TooMuchToDraw(ServiceError):
    """Strokes that would take a place for rendering for longer than anybody waits."""

    code = "too_much_to_draw"
    message = "These strokes are too many and too large to be drawn while somebody waits."


@dataclass(frozen=True, slots=True)
class Marks:
    """What a person marked on a picture."""

    strokes: Sequence[Stroke]
    roi: Region | None = None


def preview_refined(*, cutout: Cutout, marks: Marks) -> bytes:
    """The refined matte as a grey PNG of at most WORKING_SIDE px a side. Nothing is stored.

    A cutout that failed because nothing was found begins with an empty matte. Raises
    CutoutNotReady, CutoutHasFailed, StrokeOutside, TooMuchToDraw, InvalidSpec if the region does
    not fit, OriginalDeleted, FileLost, Busy, ProcessingError if a file cannot be decoded.
    """
    _check(cutout, marks)
    with rendering(f"refine:{cutout.pk}", owner=cutout.owner_id):
        return encode_matte(_refine(cutout, marks))


def submit_refined(*, cutout: Cutout, marks: Marks) -> Cutout:
    """Queue a cutout whose matte is the refined one, at full size, beside `cutout`.

    Raises what `preview_refined` and `edits.queue_matte` raise, and TooManyPixels of a picture from
    before the limit was lowered, since a worker would refuse it.
    """
    _check(cutout, marks)
    if cutout.image.width * cutout.image.height > settings.MAX_PIXELS:
        raise TooManyPixels
    with rendering(f"refine:{cutout.pk}", owner=cutout.owner_id):
        refined, size = _refine(cutout, marks), _size(cutout)
        full = carry_over(_full_matte(cutout), refined, full_size=size, roi=_box(cutout, marks))
        file = ContentFile(encode_matte(full), name="matte.png")
    return queue_matte(cutout=cutout, file=file, extension="png")


def _check(cutout: Cutout, marks: Marks) -> None:
    if not _found_nothing(cutout):
        check_done(cutout)
    size = _size(cutout)
    for index, stroke in enumerate(marks.strokes):
        if not stroke.touches(size):
            raise StrokeOutside(index, size)
    if is_too_much(marks.strokes, full_size=size):
        raise TooMuchToDraw
    _box(cutout, marks)
    if cutout.image.original_deleted_at:
        raise OriginalDeleted


def _refine(cutout: Cutout, marks: Marks) -> Pixels:
    picture = _prepared(cutout)
    matte = _mattes.get(cutout.pk)
    if matte is None and not _found_nothing(cutout):
        matte = _full_matte(cutout)
        assert matte is not None
        matte = shrink(matte, picture)
        _mattes.put(cutout.pk, matte)
    box = _box(cutout, marks)
    return refine_by_strokes(picture, matte, marks.strokes, full_size=_size(cutout), roi=box)


def _prepared(cutout: Cutout) -> Prepared:
    found: Prepared | None = _pictures.get(cutout.image_id)
    if found is None:
        with open_file(cutout.image.original) as file:
            copy = open_working_copy(file, max_pixels=None, min_side=WORKING_SIDE)
        found = prepare(copy.image)
        _pictures.put(cutout.image_id, found)
    return found


def _full_matte(cutout: Cutout) -> Pixels | None:
    if _found_nothing(cutout):
        return None
    with open_file(cutout.matte) as file:
        return open_matte(file)


def _found_nothing(cutout: Cutout) -> bool:
    return cutout.status == Status.FAILED and cutout.error_code == NothingFound.code


def _box(cutout: Cutout, marks: Marks) -> tuple[int, int, int, int] | None:
    return None if marks.roi is None else marks.roi.box(_size(cutout))


def _size(cutout: Cutout) -> tuple[int, int]:
    return cutout.image.width, cutout.image.height


class _Kept:
    """The few things used last; threads share it. Nothing stays for long once nobody asks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._things: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._timer: Timer | None = None

    def get(self, key: UUID) -> Any:
        with self._lock:
            self._forget()
            if key not in self._things:
                return None
            thing = self._things.pop(key)[1]
            self._things[key] = (time.monotonic(), thing)
            return thing

    def put(self, key: UUID, thing: Any) -> None:
        with self._lock:
            self._things.pop(key, None)
            self._things[key] = (time.monotonic(), thing)
            self._forget()
            self._watch()

    def clear(self) -> None:
        with self._lock:
            self._things.clear()

    def __len__(self) -> int:
        return len(self._things)

    def _forget(self) -> None:
        """The oldest come first."""
        limit = time.monotonic() - KEPT_SECONDS
        while self._things:
            key, (used, _thing) = next(iter(self._things.items()))
            if used > limit and len(self._things) <= KEPT:
                return
            del self._things[key]

    def _watch(self) -> None:
        """Forget in time even if nobody asks for anything any more.

        A timer that a fork left behind in another process is not alive here.
        """
        if self._things and not (self._timer and self._timer.is_alive()):
            used, _thing = next(iter(self._things.values()))
            left = max(0.0, used + KEPT_SECONDS - time.monotonic())
            self._timer = Timer(left, self._time_is_up)
            self._timer.daemon = True
            self._timer.start()

    def _time_is_up(self) -> None:
        with self._lock:
            self._timer = None
            self._forget()
            self._watch()


_pictures, _mattes = _Kept(), _Kept()
