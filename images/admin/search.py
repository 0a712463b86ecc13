"""Searching pictures and cutouts, with a bound on what the database has to look at.

An identifier or an address is looked up by index. Names are read newest first, and the newest
500 that match are enough.
"""

from typing import TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet

from images.admin.lists import read_uuid
from images.models import Cutout, Image

Row = TypeVar("Row", bound=Model)

MAX_NAMES = 500
MAX_PEOPLE = 100
# No name is longer, and SQLite refuses to look for very much more.
LONGEST_NAME = 255
SHA256_LENGTH = 64


def find_images(images: QuerySet[Image], text: str) -> QuerySet[Image]:
    """Pictures by identifier (also that of a cutout), checksum, owner's address, or name."""
    text = text.strip()
    if not text:
        return images
    if pk := read_uuid(text):
        of_cutout = Cutout.objects.filter(pk=pk).values_list("image", flat=True)
        return images.filter(pk__in=[pk, *of_cutout])
    if "@" in text:
        return images.filter(owner__in=_people(text))
    if len(text) == SHA256_LENGTH:
        return images.filter(sha256=text.lower())
    return images.filter(pk__in=_named(text))


def find_cutouts(cutouts: QuerySet[Row], text: str) -> QuerySet[Row]:
    """Cutouts by identifier (also that of a picture), owner's address, or name of the picture."""
    text = text.strip()
    if not text:
        return cutouts
    if pk := read_uuid(text):
        return cutouts.filter(Q(pk=pk) | Q(image=pk))
    if "@" in text:
        return cutouts.filter(owner__in=_people(text))
    return cutouts.filter(image__in=_named(text))


def find_links(links: QuerySet[Row], text: str) -> QuerySet[Row]:
    """Public addresses by identifier (also of a cutout or picture), owner's address, or name."""
    text = text.strip()
    if not text:
        return links
    if pk := read_uuid(text):
        return links.filter(Q(pk=pk) | Q(cutout=pk) | Q(cutout__image=pk))
    if "@" in text:
        return links.filter(owner__in=_people(text))
    return links.filter(cutout__image__in=_named(text))


def find_webhooks(rows: QuerySet[Row], text: str) -> QuerySet[Row]:
    """Webhooks or their messages by identifier, or owner's address."""
    text = text.strip()
    if not text:
        return rows
    if pk := read_uuid(text):
        return rows.filter(pk=pk)
    return rows.filter(owner__in=_people(text))


def _people(text: str) -> list[UUID]:
    found = get_user_model()._default_manager.filter(email__icontains=text[:LONGEST_NAME])
    return list(found.values_list("pk", flat=True)[:MAX_PEOPLE])


def _named(text: str) -> list[UUID]:
    """Looked up once, although the list asks twice: for the count and for the page."""
    found = Image.objects.search(text[:LONGEST_NAME]).order_by("-created_at")
    return list(found.values_list("pk", flat=True)[:MAX_NAMES])
