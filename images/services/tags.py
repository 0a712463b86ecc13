"""Words on pictures: cleaned, one row a word and person, gone with the last picture."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count

from images.models import Image, Tag
from images.models.tag import MAX_TAG_LENGTH, folded
from images.services.errors import ImageGone, LimitReached, ServiceError

if TYPE_CHECKING:
    from accounts.models import User

MAX_TAGS_PER_IMAGE = 20
MAX_TAGS_PER_PERSON = 1000
# As sent: with accents on their own and spaces, more than a tag can have in the end.
MAX_TAG_SENT = 4 * MAX_TAG_LENGTH
_NEVER = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Emoji of several parts, and scripts like the Persian, need these between letters.
_JOINERS = "\u200c\u200d"
_LOOSE_JOINERS = re.compile(rf"(?:(?<!\S)|(?<=[{_JOINERS}]))[{_JOINERS}]+|[{_JOINERS}]+(?!\S)")
# What shows nothing although it counts as a letter or a symbol.
_BLANK = set(f"{_JOINERS}\u115f\u1160\u2800\u3164\uffa0")

OnImage = Image.tags.through


_TOO_LONG = f"A tag can have at most {MAX_TAG_LENGTH} characters."


class InvalidTag(ServiceError):
    code = "invalid_tag"


class TooManyTags(ServiceError):
    code = "too_many_tags"
    message = f"A picture can have at most {MAX_TAGS_PER_IMAGE} tags."


class TagLimitReached(LimitReached):
    code = "tag_limit_reached"
    message = f"You have {MAX_TAGS_PER_PERSON} different tags already. Remove some first."


def clean_tag(name: str) -> str:
    """Composed, on one line, without characters that nobody sees. Raises InvalidTag."""
    # First of all, as composing takes time that grows with the square of some texts.
    if len(name) > MAX_TAG_SENT:
        raise InvalidTag(_TOO_LONG)
    visible = _without_unseen(name)
    if not is_visible(visible):
        raise InvalidTag("A tag cannot be empty.")
    # Folding may make twenty letters of one, and room for what it makes is bounded.
    if len(visible) > MAX_TAG_LENGTH or len(folded(visible)) > 3 * MAX_TAG_LENGTH:
        raise InvalidTag(_TOO_LONG)
    if "," in visible:
        raise InvalidTag("A tag cannot contain a comma, which stands between tags.")
    return visible


def is_visible(text: str) -> bool:
    """Whether anything of it is more than a space, a control or an accent without its letter."""
    return any(
        category[0] not in "ZM" and category not in _NEVER and char not in _BLANK
        for char, category in ((char, unicodedata.category(char)) for char in text)
    )


def clean_tags(names: Iterable[str]) -> list[str]:
    """Each word once, in its first spelling. Raises InvalidTag or TooManyTags."""
    words: dict[str, str] = {}
    for name in names:
        word = clean_tag(name)
        words.setdefault(folded(word), word)
    if len(words) > MAX_TAGS_PER_IMAGE:
        raise TooManyTags
    return list(words.values())


def set_tags(*, image: Image, names: Iterable[str]) -> None:
    """Give the picture these tags and no others, all or nothing.

    Raises InvalidTag, TooManyTags, TagLimitReached, or ImageGone.
    """
    words = clean_tags(names)
    with transaction.atomic():
        _take_turns([image.owner_id])
        if not _lock(image.owner_id, [image.pk]):
            raise ImageGone
        before = set(image.tags.values_list("pk", flat=True))
        wanted = _find_or_make(image.owner_id, words)
        image.tags.set(wanted)
        _delete_unused(before - {tag.pk for tag in wanted})


def add_tags(*, owner: "User", image_ids: Collection[UUID], names: Iterable[str]) -> set[UUID]:
    """Put the tags on those of the owner's pictures that have room for them all; returns which.

    Raises InvalidTag, TooManyTags, TagLimitReached.
    """
    words = clean_tags(names)
    with transaction.atomic():
        _take_turns([owner.pk])
        own = _lock(owner.pk, image_ids)
        tags = _find_or_make(owner.pk, words)
        keys = [tag.pk for tag in tags]
        others = OnImage.objects.filter(image_id__in=own).exclude(tag_id__in=keys)
        counted = others.values_list("image_id").annotate(Count("pk"))
        full = {pk for pk, count in counted if count + len(tags) > MAX_TAGS_PER_IMAGE}
        fitting = own - full
        OnImage.objects.bulk_create(
            [OnImage(image_id=pk, tag_id=key) for pk in fitting for key in keys],
            ignore_conflicts=True,
        )
        _delete_unused(keys)  # where no picture had room
    return fitting


def remove_tags(*, owner: "User", image_ids: Collection[UUID], names: Iterable[str]) -> set[UUID]:
    """Take the tags off the owner's pictures; returns which had one of them. Raises InvalidTag."""
    words = {folded(clean_tag(name)) for name in names}
    with transaction.atomic():
        _take_turns([owner.pk])
        rows = OnImage.objects.filter(
            image__owner=owner, image_id__in=image_ids, tag__folded__in=words
        )
        found = list(rows.values_list("pk", "image_id", "tag_id"))
        OnImage.objects.filter(pk__in=[pk for pk, _image, _tag in found]).delete()
        _delete_unused({tag for _pk, _image, tag in found})
    return {image for _pk, image, _tag in found}


def tags_on(image_ids: Collection[UUID]) -> set[int]:
    """Keys of all tags on these pictures, to be looked at once the pictures are gone."""
    rows = OnImage.objects.filter(image_id__in=image_ids)
    return set(rows.values_list("tag_id", flat=True).distinct())


def delete_unused(tags: Collection[int]) -> int:
    """Of these tags, delete those that no picture has any more. Returns how many."""
    if not tags:
        return 0
    with transaction.atomic():
        owners = Tag.objects.filter(pk__in=tags).values_list("owner_id", flat=True)
        _take_turns(set(owners))
        return _delete_unused(tags)


def _without_unseen(name: str) -> str:
    spaced = " ".join(name.split())
    kept = "".join(c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _NEVER)
    joined = _LOOSE_JOINERS.sub("", " ".join(kept.split()))
    return unicodedata.normalize("NFC", " ".join(joined.split()))


def _take_turns(owners: Iterable[UUID]) -> None:
    """Whoever changes tags of a person waits for others who do, until the transaction ends.

    So nobody deletes a word as unused while somebody puts it on a picture, and limits are exact.
    SQLite has one writer at a time anyway.
    """
    people = get_user_model().objects.filter(pk__in=list(owners)).order_by("pk")
    list(people.select_for_update(no_key=True).values_list("pk"))


def _lock(owner_id: UUID, image_ids: Collection[UUID]) -> set[UUID]:
    """Those of the owner's pictures that are there, and stay until the transaction ends."""
    images = Image.objects.filter(owner_id=owner_id, pk__in=image_ids).order_by("pk")
    return set(images.select_for_update(no_key=True).values_list("pk", flat=True))


def _find_or_make(owner_id: UUID, words: Sequence[str]) -> list[Tag]:
    keys = {folded(word): word for word in words}
    own = Tag.objects.filter(owner_id=owner_id)
    there = set(own.filter(folded__in=keys).values_list("folded", flat=True))
    missing = [Tag(owner_id=owner_id, name=keys[key], folded=key) for key in keys.keys() - there]
    if missing and own.count() + len(missing) > MAX_TAGS_PER_PERSON:
        raise TagLimitReached
    Tag.objects.bulk_create(missing, ignore_conflicts=True)
    return list(own.filter(folded__in=keys))


def _delete_unused(tags: Collection[int]) -> int:
    return Tag.objects.filter(pk__in=tags, images=None).delete()[0] if tags else 0
