"""What is known of a person, their pictures and cutouts, as they get it with all their data."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession

from images.models import (
    Backdrop,
    Batch,
    Cutout,
    Image,
    MonthlyUsage,
    Preset,
    ShareLink,
    WebhookEndpoint,
)
from images.services.usage import limits_of, usage_of

if TYPE_CHECKING:
    from accounts.models import User

PERSON = (
    "email",
    "name",
    "date_joined",
    "last_login",
    "last_seen_at",
    "is_staff",
    "keep_api_results",
    "keep_improvements",
)
IMAGE = (
    *("id", "original_name", "title", "content_type", "width", "height", "byte_size", "sha256"),
    *("favourite", "created_at", "deleted_at", "original_deleted_at", "batch_id"),
)
CUTOUT = (
    *(
        "id",
        "status",
        "kind",
        "parent_id",
        "engine",
        "extract_spec",
        "bbox",
        "coverage",
        "confidence",
        "needs_look",
        "refinement",
        "answered_by",
    ),
    *("timings", "error_code", "error_message", "rating", "rating_reason", "rated_at"),
    *("created_at", "started_at", "finished_at"),
)
BACKDROP = ("id", "name", "content_type", "width", "height", "byte_size", "sha256", "created_at")
PRESET = ("name", "spec", "created_at")
WEBHOOK = ("url", "description", "events", "failing_since", "disabled_at", "created_at")
BATCH = ("id", "name", "expected", "created_at")
LINK = ("cutout", "spec", "created_at", "expires_at", "revoked_at")
TOKEN = ("name", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at")


def describe_person(*, owner: "User") -> dict[str, Any]:
    """The account with all that hangs on it. Never a key, a secret or a session's own key."""
    return {
        **_fields(owner, PERSON),
        "addresses": _rows(EmailAddress, owner, "email", "verified", "primary"),
        "providers": _rows(SocialAccount, owner, "provider", "uid", "date_joined", "last_login"),
        "two_factor": _rows(Authenticator, owner, "type", "created_at", "last_used_at"),
        "tokens": list(owner.api_tokens.values(*TOKEN)),
        "public_links": list(ShareLink.objects.filter(owner_id=owner.pk).values(*LINK)),
        "batches": _own(Batch, owner, BATCH),
        "presets": _own(Preset, owner, PRESET),
        "webhooks": _own(WebhookEndpoint, owner, WEBHOOK),
        "sessions": _rows(UserSession, owner, "created_at", "last_seen_at", "ip", "user_agent"),
        "usage": asdict(usage_of(owner)),
        "limits": asdict(limits_of(owner)),
        "cutouts_by_month": list(
            MonthlyUsage.objects.filter(owner_id=owner.pk)
            .order_by("month")
            .values("month", "cutouts")
        ),
    }


def describe_image(*, image: Image) -> dict[str, Any]:
    return {**_fields(image, IMAGE), "tags": [tag.name for tag in image.tags.all()]}


def describe_backdrop(*, backdrop: Backdrop) -> dict[str, Any]:
    return _fields(backdrop, BACKDROP)


def describe_cutout(*, cutout: Cutout) -> dict[str, Any]:
    return _fields(cutout, CUTOUT)


def _fields(row: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _rows(model: Any, owner: "User", *names: str) -> list[dict[str, Any]]:
    return list(model.objects.filter(user_id=owner.pk).values(*names))


def _own(model: Any, owner: "User", names: tuple[str, ...]) -> list[dict[str, Any]]:
    return list(model.objects.filter(owner_id=owner.pk).values(*names))
