"""The two servers that are compared: Clearcut as `make run` starts it, and rembg's own."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import psutil
import requests

from scripts.bench.pictures import Picture
from tests.system.application import Application, free_port, proportional_memory

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "var" / "bench-venv"
POLL_SECONDS = 0.02
UNLIMITED = dict.fromkeys(("API_RATE", "UPLOAD_RATE"), "1000000/min")


class Server(Protocol):
    name: str

    def cut_out(self, picture: Picture) -> None:
        """Returns when the cutout of the picture is finished."""

    def memory(self) -> int: ...

    def stop(self) -> None: ...


class Clearcut:
    name = "Clearcut"

    def __init__(
        self, folder: Path, model_dir: Path, settings: dict[str, str] | None = None
    ) -> None:
        self.application = Application(folder, model_dir, settings=UNLIMITED | (settings or {}))
        self.application.start()
        key = self.application.issue_token("bench@example.com")
        self.headers = {"Authorization": f"Token {key}"}
        self.api = f"{self.application.url}/api/v1".replace("localhost", "127.0.0.1")
        self.local = threading.local()

    @property
    def http(self) -> requests.Session:
        """One connection for each client, as a program would have it."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.headers.update(self.headers)
        session: requests.Session = self.local.session
        return session

    def cut_out(self, picture: Picture) -> None:
        """As a program would that has many pictures: it asks the server to wait."""
        self.submit_and_wait(picture, {"Prefer": "wait=60"})

    def submit_and_wait(
        self, picture: Picture, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The finished cutout, as the API describes it."""
        files = {"file": (picture.name, picture.content)}
        answer = self.http.post(f"{self.api}/images/", files=files, headers=headers, timeout=120)
        answer.raise_for_status()
        url = f"{self.api}/cutouts/{answer.json()['latest_cutout']}/"
        while True:
            cutout: dict[str, Any] = self.http.get(url, timeout=120).json()
            if cutout["status"] == "done":
                return cutout
            if cutout["status"] == "failed":
                raise RuntimeError(f"{picture.name}: {cutout['error_message']}")
            time.sleep(POLL_SECONDS)

    def answer(self, picture: Picture, size: str) -> int:
        """Size in bytes of what a program written for remove.bg gets, in its one request."""
        files = {"image_file": (picture.name, picture.content)}
        url = f"{self.application.url}/v1.0/removebg".replace("localhost", "127.0.0.1")
        answer = self.http.post(url, files=files, data={"size": size}, timeout=120)
        answer.raise_for_status()
        return len(answer.content)

    def fetch_png(self, cutout: dict[str, Any]) -> int:
        """Size of the picture in bytes."""
        url = f"{self.api}/cutouts/{cutout['id']}/rendition/"
        answer = self.http.get(url, params={"format": "png"}, timeout=120)
        answer.raise_for_status()
        return len(answer.content)

    def memory(self) -> int:
        return self.application.memory()

    def stop(self) -> None:
        self.application.stop()


class RembgServer:
    """`rembg s`, which needs packages that Clearcut does not: it gets an environment of its own."""

    name = "rembg s"

    def __init__(self, model_dir: Path) -> None:
        install_rembg_server()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self.local = threading.local()
        self.process = subprocess.Popen(
            [VENV / "bin" / "rembg", "s", "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
            env={**os.environ, "U2NET_HOME": str(model_dir), "BROWSER": "true"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_answer(self.url, self.process)

    def cut_out(self, picture: Picture) -> None:
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
        answer = self.local.session.post(
            f"{self.url}/remove",
            files={"file": (picture.name, picture.content)},
            data={"model": "u2net"},
            timeout=300,
        )
        answer.raise_for_status()

    def memory(self) -> int:
        server = psutil.Process(self.process.pid)
        return sum(map(proportional_memory, [server, *server.children(recursive=True)]))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def install_rembg_server() -> None:
    wanted = f"rembg[cpu,cli]=={version('rembg')} onnxruntime=={version('onnxruntime')}"
    stamp = VENV / ".installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing rembg's server into var/bench-venv (once, a minute or two) ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted.split()]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    stamp.write_text(wanted)


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("rembg's server did not start")


class PeakMemory(threading.Thread):
    """Watches the memory of a server while something is done with it."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.peak = 0
        self.over = threading.Event()

    def __enter__(self) -> "PeakMemory":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self.join()

    def run(self) -> None:
        while not self.over.wait(0.25):
            self.peak = max(self.peak, self.server.memory())


def run_clients(work: Callable[[Picture], None], pictures: list[Picture], clients: int) -> float:
    """Pictures a second when so many clients share them, each sending one after the other."""
    waiting = list(pictures)
    failures: list[Exception] = []

    def client() -> None:
        try:
            while waiting:
                work(waiting.pop())
        except IndexError:
            return  # another client took the last one
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return len(pictures) / (time.perf_counter() - began)
