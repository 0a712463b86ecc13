"""A PostgreSQL server of the tests' own, where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    programs: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://clearcut@127.0.0.1:{self.port}/postgres"

    @contextmanager
    def running(self) -> Iterator[None]:
        folder = Path(tempfile.mkdtemp(prefix="clearcut-postgres-"))
        data = folder / "data"
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(folder, account.pw_uid, account.pw_gid)
        options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("initdb", "-D", str(data), "-U", "clearcut", "-A", "trust", cwd=folder)
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


def find_server() -> Server | str:
    """A server that can be started, or why there is none."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (str(newest[-1]) if newest else None)
    if found is None:
        return "its server is not installed here"
    return Server(Path(found).parent, _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
