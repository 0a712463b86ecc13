"""Web server and worker apart, as in compose.yaml: on one PostgreSQL, one Redis and one folder."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.factories import picture_bytes
from tests.programs import find_program
from tests.servers import find_postgres, running_redis
from tests.system.application import PYTHON, ROOT, Application, as_from_a_terminal, wait_until
from tests.system.client import Client
from tests.system.conftest import make_application, spare_preparing


class Part(Application):
    """One half of an application; `make` has no part in it."""

    role = ""

    def launch(self) -> None:
        self.log = self.folder / f"{self.role}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [PYTHON, "scripts/run.py", "--role", self.role],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread of ours matters to it
                text=True,
            )

    @property
    def words(self) -> str:
        return self.log.read_text()


class Web(Part):
    role = "web"


class Worker(Part):
    role = "worker"


@pytest.fixture(scope="module")
def halves(
    prepared: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Part, Part]]:
    """Started at the same moment, on an empty database."""
    server = find_postgres()
    if isinstance(server, str):
        pytest.skip(f"PostgreSQL: {server}")
    find_program("redis-server")
    folder = tmp_path_factory.mktemp("roles")
    spare_preparing(folder, prepared)
    with server.running(), running_redis() as redis:
        whole = make_application(folder)
        settings = whole.settings | {"DATABASE_URL": server.url, "REDIS_URL": redis}
        web = Web(folder, whole.model_dir, settings)
        worker = Worker(folder, whole.model_dir, settings)
        try:
            web.launch()
            worker.launch()
            wait_until(lambda: is_ready(web), 240, "both are ready", pause=0.3)
            web.url = f"http://localhost:{web.port}"
            yield web, worker
        finally:
            for part in (web, worker):
                part.kill()


def is_ready(web: Part) -> bool:
    try:
        answer = requests.get(f"http://localhost:{web.port}/readyz", timeout=5)
    except requests.RequestException:
        return False
    return answer.status_code == 200


def refusal(part: Part, *arguments: str) -> str:
    done = subprocess.run(
        [PYTHON, *arguments],
        cwd=ROOT,
        env=part.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout + done.stderr


def test_a_picture_goes_from_one_to_the_other(halves: tuple[Part, Part]) -> None:
    web, _worker = halves
    program = Client(web, "apart@example.com")
    identifier = program.post_file("disc.png", picture_bytes()).json()["latest_cutout"]
    assert program.wait_for([identifier], 60)[identifier]["status"] == "done"
    assert program.get(f"/cutouts/{identifier}/rendition/").status_code == 200


def test_one_of_them_prepared(halves: tuple[Part, Part]) -> None:
    web, worker = halves
    words = web.words + worker.words
    assert words.count("Preparing the database") == 1
    assert "first-run" in web.words
    assert "first-run" not in worker.words
    assert "The worker has been started" in worker.words


def test_each_has_its_own_processes(halves: tuple[Part, Part]) -> None:
    commands = [
        " ".join(" ".join(process.cmdline()) for process in part.everything()) for part in halves
    ]
    assert ["gunicorn" in command for command in commands] == [True, False]
    assert ["manage.py worker" in command for command in commands] == [False, True]


def test_nobody_else_may_have_the_data(halves: tuple[Part, Part], tmp_path: Path) -> None:
    web, _worker = halves
    assert "running with this data already" in refusal(web, "scripts/run.py")
    web.manage("backup", str(tmp_path))
    assert "Stop it first" in refusal(web, "manage.py", "restore", str(tmp_path), "--force")


def test_both_end_when_told(halves: tuple[Part, Part]) -> None:
    """The last test: afterwards there is nothing left to test."""
    for part in halves:
        assert part.process is not None
        os.kill(part.process.pid, signal.SIGTERM)
    for part in halves:
        assert part.process is not None
        assert part.process.wait(40) == 0
        assert "Clearcut has stopped." in part.words
        assert "by force" not in part.words
