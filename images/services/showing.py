"""Which of a picture's cutouts people see."""

from images.models import Cutout, Image


def show_finished(cutout: Cutout) -> None:
    """Make it the picture's current cutout, unless a newer one is finished already."""
    older = Image.objects.filter(pk=cutout.image_id).exclude(
        current_cutout__created_at__gt=cutout.created_at
    )
    older.update(current_cutout=cutout)
