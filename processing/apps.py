"""Django's entry to the machine room: its checks and its commands."""

from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from .engines.service_access import ServiceAccess


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        # Importing the module registers its checks.
        from . import checks  # noqa: F401
        from .engines import service_access
        from .quantization import notes

        service_access.provide(_service_access)
        notes.provide_spare_folder(_data_dir)


def _data_dir() -> "Path":
    from django.conf import settings

    return Path(settings.DATA_DIR)


def _service_access() -> "ServiceAccess | None":
    """Read anew each time, as settings are everywhere else."""
    from django.conf import settings

    from .engines.service_access import ServiceAccess

    url = settings.SERVICE_ENGINE_URL.rstrip("/")
    seconds = settings.SERVICE_ENGINE_SECONDS
    return ServiceAccess(url, settings.SERVICE_ENGINE_KEY, seconds) if url else None
