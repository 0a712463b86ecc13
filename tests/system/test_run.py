"""`make run`: what it says, what it does once only, and how it ends."""

import os
import signal
import socket
import subprocess
import time

import psutil
import pytest
import requests

from tests.factories import picture_bytes
from tests.system.application import PYTHON, ROOT, Application, free_port, is_alive, wait_until
from tests.system.client import Client
from tests.system.conftest import make_application

ONCE = ("Installing", "Warming up", "Preparing the database", "Preparing the static files")


def run_again(application: Application, **settings: str) -> str:
    """What a second start says when it has to refuse."""
    done = subprocess.run(
        [PYTHON, "scripts/run.py"],
        cwd=ROOT,
        env=application.environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


def test_answers_at_the_address_that_it_prints(live: Application) -> None:
    assert live.url == f"http://localhost:{live.port}"
    assert requests.get(f"{live.url}/readyz", timeout=10).json()["status"] == "ok"
    assert requests.get(live.url, timeout=10).status_code == 200


def test_the_probe_of_containers(live: Application) -> None:
    def probe(port: int) -> int:
        environment = live.environment | {"PORT": str(port)}
        command = [str(PYTHON), "scripts/probe.py"]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode

    assert probe(live.port) == 0
    assert probe(free_port()) == 1


def test_onnxruntime_reports_to_nobody(live: Application) -> None:
    worker = live.processes().pool[0]
    assert worker.environ()["ORT_DISABLE_TELEMETRY"] == "1"


def test_refuses_the_same_data_twice(live: Application) -> None:
    words = run_again(live, PORT=str(free_port()))
    assert "running with this data already" in words
    assert f"http://localhost:{live.port}" in words
    assert "Traceback" not in words


def test_says_who_has_the_port(live: Application, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make_application(tmp_path_factory.mktemp("other"))
    with socket.socket() as occupied:
        occupied.bind(("0.0.0.0", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        words = run_again(other, PORT=str(port))
    assert f"Port {port} is in use by {psutil.Process().name()} (process {os.getpid()})" in words
    assert "PORT=" in words
    assert "Traceback" not in words


def test_says_which_setting_is_wrong(live: Application) -> None:
    words = run_again(live, DJANGO_SETTINGS_MODULE="config.settings.production", SECRET_KEY="")
    assert "SECRET_KEY is not set" in words
    assert "Traceback" not in words


@pytest.fixture
def second(prepared: Application) -> Application:
    """The second `make run` on the same data, with another port."""
    return Application(prepared.folder, prepared.model_dir, prepared.settings)


def test_a_second_run_repeats_no_work(live: Application, second: Application) -> None:
    """Nor does it mind another instance with data of its own."""
    try:
        second.start()
        repeated = [line for line in second.output if line.startswith(ONCE)]
        assert not repeated
        assert second.ready_seconds < 15  # some 4 s on two idle cores
        for application in (live, second):
            assert requests.get(f"{application.url}/healthz", timeout=10).status_code == 200
        second.stop()
    finally:
        second.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_alone_stops_everything(
    second: Application, number: signal.Signals
) -> None:
    """A terminal sends Ctrl-C to all processes, a program that started `make` to `make` alone."""
    try:
        second.start()
        everything = second.everything()
        assert second.process is not None
        second.process.send_signal(number)
        wait_until(lambda: not any(map(is_alive, everything)), 30, "everything has stopped")
    finally:
        second.kill()


def test_ends_at_once_when_asked_twice(second: Application) -> None:
    try:
        second.start()
        supervise = second.processes().supervise
        everything = second.everything()
        for process in second.processes().pool:  # they cannot finish now
            process.suspend()
        supervise.send_signal(signal.SIGINT)
        wait_until(lambda: "Stopping" in "".join(second.output), 5, "it says so")
        with pytest.raises(psutil.TimeoutExpired):
            supervise.wait(1.5)
        supervise.send_signal(signal.SIGINT)
        wait_until(lambda: not any(map(is_alive, everything)), 5, "everything has stopped")
    finally:
        second.kill()


@pytest.mark.weights
def test_without_weights_pictures_wait_until_they_come(prepared: Application) -> None:
    blocked = prepared.folder / "weights"
    blocked.write_text("in the way of the folder")
    application = Application(prepared.folder, blocked, prepared.settings)
    try:
        application.start()
        words = "".join(application.output)
        assert "WARNING" in words
        assert "weights of U²-Net are missing" in words
        program = Client(application, "patient@example.com")
        identifier = program.post_file("disc.png", picture_bytes()).json()["latest_cutout"]
        time.sleep(3)
        assert program.cutout(identifier)["status"] == "queued"

        blocked.unlink()
        blocked.symlink_to(prepared.model_dir)
        assert program.wait_for([identifier], 60)[identifier]["status"] == "done"
        application.stop()
    finally:
        application.kill()
        blocked.unlink()
