"""What a backup says of itself, so that it can be checked before anything is touched."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from images.services.errors import ServiceError

FILE_NAME = "manifest.json"
KEY_NAME = "secret_key"
MEDIA_NAME = "media"
COUNTED_TABLES = ("accounts_user", "images_image", "images_cutout")

Fetch = Callable[[str], list[tuple[Any, ...]]]


class BackupRefused(ServiceError):
    """Cannot be backed up or restored; nothing was changed."""

    code = "backup_refused"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: rows by table, and the migrations that made its schema."""

    rows: dict[str, int]
    migrations: list[tuple[str, str]]

    @classmethod
    def read(cls, fetch: Fetch) -> Self:
        rows = {table: fetch(f"SELECT count(*) FROM {table}")[0][0] for table in COUNTED_TABLES}  # noqa: S608 - constants
        applied = fetch("SELECT app, name FROM django_migrations ORDER BY app, name")
        return cls(rows, [(app, name) for app, name in applied])


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files` and `bytes` count the pictures; both are None where object storage keeps them."""

    version: str
    made_at: str
    database: str
    database_file: str
    database_sha256: str
    rows: dict[str, int]
    migrations: list[tuple[str, str]]
    files: int | None
    bytes: int | None

    def write(self, folder: Path) -> None:
        (folder / FILE_NAME).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises BackupRefused if `folder` is no backup, or none of a version we know."""
        try:
            values = json.loads((folder / FILE_NAME).read_text())
            values["migrations"] = [(app, name) for app, name in values["migrations"]]
            return cls(**values)
        except OSError as error:
            raise BackupRefused(f"{folder} is no backup: it has no {FILE_NAME}.") from error
        except (ValueError, TypeError, KeyError) as error:
            raise BackupRefused(f"{folder / FILE_NAME} cannot be read: {error}.") from error


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
