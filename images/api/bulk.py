"""One action on many pictures: what requests ask for, and what became of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.exceptions import ValidationError

from images.api.filters import chosen_images
from images.api.parameters import extract_spec_from
from images.services import bulk
from images.services.bulk import Action, BulkResult, Place, run_bulk

if TYPE_CHECKING:
    from accounts.models import User

Asked = Mapping[str, Any]

_ACTIONS: Mapping[str, Callable[["User", Asked], Action]] = {
    "delete": lambda owner, asked: bulk.deleting(),
    "restore": lambda owner, asked: bulk.restoring(),
    "purge": lambda owner, asked: bulk.purging(),
    "tag": lambda owner, asked: bulk.tagging(owner=owner, names=asked["tags"]),
    "untag": lambda owner, asked: bulk.untagging(owner=owner, names=asked["tags"]),
    "rerun": lambda owner, asked: bulk.rerunning(extract_spec=extract_spec_from(asked)),
}


def act_on_many(*, owner: "User", asked: Asked) -> dict[str, Any]:
    """asked: what BulkSerializer has validated."""
    images = chosen_images(owner=owner, ids=asked.get("ids"), wanted=asked.get("filter", {}))
    action = _ACTIONS[asked["action"]](owner, asked)
    after = _read_place(asked["after"]) if "after" in asked else None
    return describe(run_bulk(images=images, action=action, after=after))


def describe(result: BulkResult) -> dict[str, Any]:
    """As BulkResultSerializer says."""
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
        message = "This is not what an answer called next."
        raise ValidationError({"after": message}, code="invalid") from error
