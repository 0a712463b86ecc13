"""Files go with their rows, however the rows go: service, cascade or admin site."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from images.models import Cutout, Image, Rendition
from images.services.storage import delete_file, delete_folder

logger = logging.getLogger(__name__)


@receiver(post_delete, sender=Image)
@receiver(post_delete, sender=Cutout)
def delete_folders(instance: Image | Cutout, **kwargs: Any) -> None:
    """The whole folders: an attempt that was killed leaves files that no row names."""
    for path in instance.folders:
        _on_commit(partial(delete_folder, default_storage, path), path)


@receiver(post_delete, sender=Rendition)
def delete_rendition(instance: Rendition, **kwargs: Any) -> None:
    storage, name = instance.file.storage, str(instance.file.name)
    _on_commit(partial(delete_file, storage, name), name)


def _on_commit(deletion: Callable[[], None], name: str) -> None:
    """So that a rolled-back deletion keeps its files."""

    def delete() -> None:
        try:
            deletion()
        except OSError:
            logger.exception("Could not delete %s", name)

    transaction.on_commit(delete)
