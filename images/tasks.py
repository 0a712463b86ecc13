"""What django-q2 and the slow slot call. Nothing happens here: all is handed on to services."""

from images.services import cutouts


def run_next_cutout() -> None:
    """One wake-up: runs at most one cutout, whichever's turn it is."""
    cutouts.run_next()


def run_next_slow_cutout() -> bool:
    """For the slow slot: runs one cutout by an engine that takes long; False if none waits."""
    return cutouts.run_next(slow=True)
