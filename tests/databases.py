"""Databases that several processes share."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections

PREAMBLE = "import django, os, signal, sys, time; django.setup(); from images.models import *\n"


def database_settings(url: str) -> dict[str, str]:
    """What a process needs to work with that database under the settings of the tests."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": str(settings.BASE_DIR),
    }


def migrate(url: str) -> None:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "-v0"]
    command.append("--skip-checks")  # rows need no weights
    subprocess.run(command, env=database_settings(url), check=True)


@dataclass(frozen=True)
class SharedDatabase:
    """A database on disk, which this process and those it starts work with."""

    url: str

    def start(self, code: str, **options: Any) -> "subprocess.Popen[str]":
        """Run Python code in a process of its own, with Django and the models at hand."""
        return subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code],
            env=database_settings(self.url),
            cwd=settings.BASE_DIR,
            text=True,
            stdout=subprocess.PIPE,
            **options,
        )


class connected_to:  # noqa: N801 - reads as what it does
    """Have this process work with another database; the one of the other tests stays open."""

    def __init__(self, changes: dict[str, Any]) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        self._usual = connections["default"]
        self._settings = connections.settings["default"]
        connections.settings["default"] = {**self._settings, **self._changes}
        connections["default"] = connections.create_connection("default")

    def __exit__(self, *error: object) -> None:
        connections["default"].close()
        connections.settings["default"] = self._settings
        connections["default"] = self._usual
