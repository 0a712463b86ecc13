"""Files go with their rows, however the rows go: service, cascade or admin site."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.db.models.fields.files import FieldFile
from django.db.models.signals import post_delete
from django.dispatch import receiver

from images.models import Cutout, Image, Rendition
from images.services.storage import delete_file

logger = logging.getLogger(__name__)


@receiver(post_delete, sender=Image)
@receiver(post_delete, sender=Cutout)
@receiver(post_delete, sender=Rendition)
def delete_files(instance: models.Model, **kwargs: Any) -> None:
    """On commit, so that a rolled-back deletion keeps its files."""
    for field in instance._meta.get_fields():
        if isinstance(field, models.FileField):
            file: FieldFile = getattr(instance, field.name)
            if file:
                transaction.on_commit(_deletion(file))


def _deletion(file: FieldFile) -> Callable[[], None]:
    storage, name = file.storage, file.name or ""

    def delete() -> None:
        try:
            delete_file(storage, name)
        except OSError:
            logger.exception("Could not delete %s", name)

    return delete
