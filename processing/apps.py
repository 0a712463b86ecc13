"""Django's entry to the machine room: its checks and its commands."""

from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        # Importing the module registers its checks.
        from . import checks  # noqa: F401
