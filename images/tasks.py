"""What django-q2 calls. Nothing happens here: every task hands on to a service."""

from images.services import cutouts


def run_next_cutout() -> None:
    """One wake-up: runs at most one cutout, whichever's turn it is."""
    cutouts.run_next()
