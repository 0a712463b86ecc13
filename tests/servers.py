"""Servers of the tests' own, where their programs are installed.

As a command it starts PostgreSQL and Redis for another one, which finds them in its environment:

    .venv/bin/python -m tests.servers COMMAND ...
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from scripts.linux import die_with_parent

# Set for the command that this file starts: its tests share the server.
PORT_VARIABLE = "CLEARCUT_TEST_POSTGRES_PORT"
PASSWORD = "p:w/d @'\"é"  # awkward on purpose: it has to survive addresses and environments


@dataclass(frozen=True)
class Postgres:
    programs: Path
    port: int
    is_running: bool = False

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        from urllib.parse import quote

        return f"postgres://clearcut:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def settings_of(self, database: str) -> dict[str, Any]:
        """For Django's DATABASES."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": "clearcut",
            "PASSWORD": PASSWORD,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "OPTIONS": {},
        }

    def make_database(self, name: str, template: str = "template1") -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    @property
    def conninfo(self) -> str:
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1", port=self.port, user="clearcut", password=PASSWORD, dbname="postgres"
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        if self.is_running:
            yield
            return
        folder = Path(tempfile.mkdtemp(prefix="clearcut-postgres-"))
        data = folder / "data"
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            for path in (folder, folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        access = ("-U", "clearcut", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}")
        self._run("initdb", "-D", str(data), "-E", "UTF8", *access, cwd=folder)
        control = ("-D", str(data), "-w", "-l", str(folder / "log"))
        self._run("pg_ctl", *control, "-o", options, "start", cwd=folder)
        try:
            yield
        finally:
            self._run("pg_ctl", *control, "-m", "immediate", "stop", cwd=folder)
            shutil.rmtree(folder)

    def _run(self, program: str, *arguments: str, cwd: Path) -> None:
        """As somebody else where we are root: PostgreSQL refuses to run as root."""
        subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=cwd,
            check=True,
            stdout=subprocess.DEVNULL,
            user="nobody" if os.geteuid() == 0 else None,
        )


def find_postgres() -> Postgres | str:
    """A server that can be started, or why there is none."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (str(newest[-1]) if newest else None)
    if found is None:
        return "its server is not installed here"
    if port := os.environ.get(PORT_VARIABLE):
        return Postgres(Path(found).parent, int(port), is_running=True)
    return Postgres(Path(found).parent, free_port())


@contextmanager
def running_redis() -> Iterator[str]:
    """The address of a Redis that keeps nothing. Raises FileNotFoundError without its program."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        ["redis-server", *options],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread of ours matters to it
    )
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    postgres = find_postgres()
    if isinstance(postgres, str) or not shutil.which("redis-server"):
        sys.stderr.write("PostgreSQL or Redis is not installed here: nothing was tested.\n")
        return int(os.environ.get("CLEARCUT_REQUIRE_ALL") == "1")
    with ExitStack() as servers:
        servers.enter_context(postgres.running())
        redis = servers.enter_context(running_redis())
        environment = {**os.environ, "DATABASE_URL": postgres.url, "REDIS_URL": redis}
        environment[PORT_VARIABLE] = str(postgres.port)
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
