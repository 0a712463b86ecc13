"""One action on many pictures: what requests ask for, and what became of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from rest_framework.exceptions import ValidationError

from images.api.filters import chosen_images
from images.api.parameters import extract_spec_from
from images.models.image import ImageQuerySet
from images.services import bulk
from images.services.bulk import Action, BulkResult, Place, run_bulk
from images.services.places import Places

if TYPE_CHECKING:
    from accounts.models import User

Asked = Mapping[str, Any]

# Each holds a thread for some seconds.
_places = Places(max(1, settings.WEB_THREADS // 4))

_ACTIONS: Mapping[str, Callable[["User", Asked], Action]] = {
    "delete": lambda owner, asked: bulk.deleting(),
    "restore": lambda owner, asked: bulk.restoring(),
    "purge": lambda owner, asked: bulk.purging(),
    "tag": lambda owner, asked: bulk.tagging(owner=owner, names=asked["tags"]),
    "untag": lambda owner, asked: bulk.untagging(owner=owner, names=asked["tags"]),
    "rerun": lambda owner, asked: bulk.rerunning(extract_spec=extract_spec_from(asked)),
}


def act_on_many(*, owner: "User", asked: Asked) -> dict[str, Any]:
    """asked: what BulkSerializer has validated. Raises what `run` raises."""
    images = chosen_images(owner=owner, ids=asked.get("ids"), wanted=asked.get("filter", {}))
    action = _ACTIONS[asked["action"]](owner, asked)
    after = _read_place(asked["after"]) if "after" in asked else None
    return run(owner=owner, images=images, action=action, after=after)


def run(
    *, owner: "User", images: ImageQuerySet, action: Action, after: Place | None = None
) -> dict[str, Any]:
    """What became of it, as BulkResultSerializer says. Raises Busy if too many are at it."""
    with _places.taken(owner.pk):
        return _described(run_bulk(images=images, action=action, after=after))


def _described(result: BulkResult) -> dict[str, Any]:
    place = result.next
    return {
        "matched": result.matched,
        "changed": result.changed,
        "refused": dict(result.refused),
        "remaining": result.remaining,
        "next": place and f"{place.created_at.astimezone(UTC).isoformat()}_{place.pk}",
    }


def _read_place(text: str) -> Place:
    moment, _line, key = text.partition("_")
    try:
        return Place(datetime.fromisoformat(moment).astimezone(UTC), UUID(key))
    except (ValueError, OverflowError) as error:
        message = "Send the value of `next` from an earlier answer."
        raise ValidationError({"after": message}, code="invalid") from error
