"""The database as one file, and back: while others use it, and without a password in sight."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

from django.db import connection, transaction
from django.db.backends.postgresql.client import DatabaseClient

from images.services.backup_manifest import BackupRefused, Contents

SIDE_FILES = ("", "-wal", "-shm")
SQLITE_TIMEOUT_SECONDS = 60
INSTALLED = Path("/usr/lib/postgresql")


class Database(Protocol):
    file_name: ClassVar[str]

    def dump(self, path: Path) -> Contents:
        """Write everything as it is at one moment to `path`; says what that was."""

    def check(self, path: Path) -> None:
        """Raises BackupRefused unless `path` is a whole dump."""

    def is_empty(self) -> bool:
        """Whether there is no table at all."""

    def refuse_if_used(self) -> None:
        """Raises BackupRefused while somebody else is connected, as far as that can be told."""

    def set_aside(self, folder: Path) -> None:
        """Keep what is there now in `folder`."""

    def load(self, path: Path) -> None:
        """Replace what is there by the dump in `path`."""

    def put_back(self, folder: Path) -> None:
        """Undo `set_aside`, whatever `load` has done since."""


class Sqlite:
    file_name: ClassVar[str] = "database.sqlite3"

    @property
    def path(self) -> Path:
        return Path(connection.settings_dict["NAME"])

    def dump(self, path: Path) -> Contents:
        """SQLite's online backup, in one step: one moment for us, and in WAL mode no wait for
        those who write."""
        if not self.path.exists():
            raise BackupRefused(f"There is no database at {self.path}.")
        with self._open(self.path) as source, self._open(path) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # all in this one file
            return self._contents(target)

    def check(self, path: Path) -> None:
        try:
            with self._open(path) as dump:
                answer = dump.execute("PRAGMA integrity_check").fetchone()
        except sqlite3.DatabaseError as error:
            raise BackupRefused(f"{path} is damaged: {error}.") from error
        if answer != ("ok",):
            raise BackupRefused(f"{path} is damaged: {answer[0]}.")

    def is_empty(self) -> bool:
        if not self.path.exists():
            return True
        try:
            with self._open(self.path) as database:
                return not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.DatabaseError:
            return False

    def refuse_if_used(self) -> None:
        """The lock on DATA_DIR tells."""

    def set_aside(self, folder: Path) -> None:
        """By moving the files, since a damaged database could not be read."""
        connection.close()
        is_empty = self.is_empty()
        for ending in SIDE_FILES:
            file = self.path.with_name(self.path.name + ending)
            if is_empty:
                file.unlink(missing_ok=True)
            elif file.exists():
                shutil.move(file, folder / (self.file_name + ending))

    def load(self, path: Path) -> None:
        connection.close()
        draft = self.path.with_name(self.path.name + ".restoring")
        with self._open(path) as source, self._open(draft) as target:
            source.backup(target)
        draft.chmod(0o600)
        draft.replace(self.path)

    def put_back(self, folder: Path) -> None:
        connection.close()
        for ending in SIDE_FILES:
            file = self.path.with_name(self.path.name + ending)
            file.unlink(missing_ok=True)
            if (folder / (self.file_name + ending)).exists():
                shutil.move(folder / (self.file_name + ending), file)

    @contextmanager
    def _open(self, path: Path) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(path, timeout=SQLITE_TIMEOUT_SECONDS)) as opened:
            yield opened

    def _contents(self, opened: sqlite3.Connection) -> Contents:
        return Contents.read(lambda query: opened.execute(query).fetchall())


class Postgres:
    file_name: ClassVar[str] = "database.pgdump"

    def dump(self, path: Path) -> Contents:
        """pg_dump and our own counts look at one and the same snapshot."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

            def fetch(query: str) -> list[tuple[Any, ...]]:
                cursor.execute(query)
                return list(cursor.fetchall())

            snapshot = fetch("SELECT pg_export_snapshot()")[0][0]
            contents = Contents.read(fetch)
            options = ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}"]
            run_program("pg_dump", *options, f"--file={path}")
        return contents

    def check(self, path: Path) -> None:
        run_program("pg_restore", "--list", str(path))

    def is_empty(self) -> bool:
        return not connection.introspection.table_names()

    def refuse_if_used(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            others = cursor.fetchone()[0]
        if others:
            raise BackupRefused(
                f"The database is in use: {others} connections besides ours. Stop Clearcut first,"
                " on all machines."
            )

    def set_aside(self, folder: Path) -> None:
        if not self.is_empty():
            file = folder / self.file_name
            run_program("pg_dump", "--format=custom", "--no-owner", f"--file={file}")

    def load(self, path: Path) -> None:
        self._drop_tables()
        connection.close()
        options = ["--no-owner", "--no-acl", "--single-transaction", "--exit-on-error"]
        name = str(connection.settings_dict["NAME"])
        run_program("pg_restore", *options, f"--dbname={name}", str(path))

    def put_back(self, folder: Path) -> None:
        if (folder / self.file_name).exists():
            self.load(folder / self.file_name)
            (folder / self.file_name).unlink()
        else:
            self._drop_tables()

    def _drop_tables(self) -> None:
        """Also those that the dump does not know: another version made them."""
        quote = connection.ops.quote_name
        with transaction.atomic(), connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"DROP TABLE IF EXISTS {quote(table)} CASCADE")


def find_database() -> Database:
    """Raises BackupRefused for a kind of database that has no backup here."""
    kinds: dict[str, type[Database]] = {"sqlite": Sqlite, "postgresql": Postgres}
    if connection.vendor not in kinds:
        raise BackupRefused(f"There is no backup for {connection.vendor} databases.")
    return kinds[connection.vendor]()


def run_program(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; what it must keep to itself goes through its environment,
    since anybody on the machine can read the arguments of a process."""
    command = [find_program(name), *arguments]
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise BackupRefused(f"{name} failed: {done.stderr.strip()[-1000:]}")


def find_program(name: str) -> str:
    """Of the server's own version where there is a choice, else the next newer one: older ones
    cannot read it, and newer ones write what it may not understand."""
    server = connection.pg_version // 10000  # type: ignore[attr-defined] # asked of PostgreSQL alone
    installed = {int(path.parts[-3]): path for path in INSTALLED.glob(f"*/bin/{name}")}
    fitting = [version for version in sorted(installed) if version >= server]
    found = str(installed[fitting[0]]) if fitting else shutil.which(name)
    if found is None:
        raise BackupRefused(f"{name} is not installed. Debian has it in postgresql-client.")
    return found


def _environment() -> dict[str, str]:
    settings = connection.settings_dict
    _arguments, secret = DatabaseClient.settings_to_cmd_args_env(settings, [])
    named = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGDATABASE": settings["NAME"],
    }
    return {**os.environ, **(secret or {})} | {k: str(v) for k, v in named.items() if v}
