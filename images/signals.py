"""Files and counters go with their rows, however the rows go: service, cascade or admin site."""

from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db.models.signals import post_delete
from django.dispatch import receiver

from images.models import Backdrop, Cutout, Image, Rendition, Status
from images.queue.claims import failed
from images.services.quotas import give_back_bytes, give_back_cutout, give_back_image
from images.services.storage import delete_file, delete_folder, delete_on_commit


@receiver(post_delete, sender=Image)
@receiver(post_delete, sender=Cutout)
@receiver(post_delete, sender=Backdrop)
def delete_folders(instance: Image | Cutout | Backdrop, **kwargs: Any) -> None:
    """The whole folders: an attempt that was killed leaves files that no row names."""
    for path in instance.folders:
        delete_on_commit(partial(delete_folder, default_storage, path), path)


@receiver(post_delete, sender=Rendition)
def delete_rendition(instance: Rendition, **kwargs: Any) -> None:
    storage, name = instance.file.storage, str(instance.file.name)
    delete_on_commit(partial(delete_file, storage, name), name)


@receiver(post_delete, sender=Image)
def uncount_image(instance: Image, **kwargs: Any) -> None:
    kept = 0 if instance.original_deleted_at else instance.byte_size
    give_back_image(owner_id=instance.owner_id, byte_size=kept)


@receiver(post_delete, sender=Backdrop)
def uncount_backdrop(instance: Backdrop, **kwargs: Any) -> None:
    give_back_bytes(owner_id=instance.owner_id, byte_size=instance.byte_size)


@receiver(post_delete, sender=Backdrop)
def delete_renditions_on(instance: Backdrop, **kwargs: Any) -> None:
    """Else public addresses would go on showing it from the cache."""
    on_it = f"background=backdrop-{instance.sha256}"
    Rendition.objects.filter(cutout__owner=instance.owner_id, spec__contains=on_it).delete()


@receiver(post_delete, sender=Cutout)
def uncount_pending(instance: Cutout, **kwargs: Any) -> None:
    """What nobody has begun is not counted; what was done, or is being done, stays counted."""
    if instance.status == Status.QUEUED:
        give_back_cutout(instance)


@receiver(failed, sender=Cutout)
def uncount_failed(pk: Any, **kwargs: Any) -> None:
    give_back_cutout(Cutout.objects.only("owner_id", "queued_at", "kind").get(pk=pk))
