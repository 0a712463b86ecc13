"""POST /v1.0/improve: pictures that somebody thinks were badly cut out."""

import uuid
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from images.api.waiting import waiting_place
from images.compat.forms import Form, sent_form
from images.compat.removebg.errors import RemoveBgError
from images.compat.removebg.sources import max_bytes, open_source, read_header
from images.compat.removebg.views import RemoveBgView
from images.compat.views import owner_of
from images.models import Image
from images.services.tags import (
    MAX_TAG_SENT,
    MAX_TAGS_PER_IMAGE,
    InvalidTag,
    TooManyTags,
    add_tags,
    clean_tags,
)
from images.services.uploads import clean_name, digest, submit_image

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User

TAG = "improve"
MAX_TAGS_TEXT = MAX_TAGS_PER_IMAGE * (MAX_TAG_SENT + 1)


class Improve(RemoveBgView):
    def post(self, request: Request) -> HttpResponse:
        """Kept only if the owner of the key has agreed to that; the answer is the same."""
        owner = owner_of(request)
        place = waiting_place(owner.pk)
        with place, sent_form(request._request, max_file_bytes=max_bytes()) as form:
            tags = _tags_of(form)
            with open_source(form) as file:
                read_header(file)
                file.name = clean_name(form.fields.get("image_filename")) or file.name
                agreed = owner.keep_improvements
                found = _keep(owner, file, tags) if agreed else uuid.uuid4()
        return JsonResponse({"id": str(found)})


def _tags_of(form: Form) -> list[str]:
    text = form.fields.get("tag", "")
    if len(text) > MAX_TAGS_TEXT:
        raise RemoveBgError("invalid_tag", parameter="tag")
    given = text.split(",")
    try:
        return clean_tags([TAG, *(name for name in given if name.strip())])
    except (InvalidTag, TooManyTags) as error:
        raise RemoveBgError("invalid_tag", parameter="tag") from error


def _keep(owner: "User", file: "File[bytes]", tags: list[str]) -> UUID:
    """As one of the owner's pictures: the one with these bytes, if it is there already."""
    there = Image.objects.filter(
        owner=owner, sha256=digest(file), deleted_at=None, original_deleted_at=None
    )
    found = there.order_by("-created_at").first()
    if found and _mark(found, owner, tags):
        return found.pk
    return submit_image(owner=owner, file=file, tags=tags).pk


def _mark(image: Image, owner: "User", tags: list[str]) -> bool:
    """Tag it and keep it for good, both or neither. False if it has just been deleted.

    Raises RemoveBgError if it has no room for the tags, TagLimitReached.
    """
    there = Image.objects.filter(pk=image.pk)
    with transaction.atomic():
        if not add_tags(owner=owner, image_ids=[image.pk], names=tags):
            if there.exists():
                raise RemoveBgError("invalid_tag", parameter="tag")
            return False
        there.update(expires_at=None)
    return True
