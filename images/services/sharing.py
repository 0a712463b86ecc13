"""Public addresses that cannot be guessed, can be revoked, and end by themselves."""

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from images.models import Cutout, ShareLink
from images.services.errors import ImageInTrash
from images.services.finished import check_done
from processing.spec import RenderSpec

FORGOTTEN_AFTER = timedelta(days=7)


def share(*, cutout: Cutout, spec: RenderSpec, lifetime: timedelta | None) -> tuple[ShareLink, str]:
    """Make an address for one output; returns its row and its secret, which is told only now.

    lifetime: None for one without an end. Raises ImageInTrash, CutoutNotReady, CutoutHasFailed, or
    InvalidSpec if the parameters do not fit the picture.
    """
    if cutout.image.deleted_at:
        raise ImageInTrash
    check_done(cutout)
    spec = spec.for_size((cutout.image.width, cutout.image.height))
    secret = secrets.token_urlsafe(24)
    link = ShareLink.objects.create(
        cutout=cutout,
        owner_id=cutout.owner_id,
        spec=str(spec),
        token_hash=hash_of(secret),
        expires_at=timezone.now() + lifetime if lifetime else None,
    )
    return link, secret


def find_shared(*, secret: str) -> ShareLink | None:
    """The link of this secret, if it may still be used."""
    links = ShareLink.objects.usable().select_related("cutout__image")
    return links.filter(token_hash=hash_of(secret)).first()


def revoke_link(*, link: ShareLink) -> bool:
    """False if it was revoked already."""
    unused = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
    return bool(unused.update(revoked_at=timezone.now()))


def forget_old_links() -> int:
    """Delete rows of links that ended a week ago. Returns how many."""
    limit = timezone.now() - FORGOTTEN_AFTER
    ended = Q(expires_at__lt=limit) | Q(revoked_at__lt=limit)
    return ShareLink.objects.filter(ended).delete()[0]


def hash_of(secret: str) -> str:
    """192 random bits: their plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()
