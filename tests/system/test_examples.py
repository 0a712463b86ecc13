"""The programs in examples/, as they stand, against the real application."""

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image as Pixels

from images.services.webhook_signing import make_secret, signed_headers
from tests.factories import picture_bytes
from tests.programs import find_program
from tests.system.application import ROOT, Application

EXAMPLES = ROOT / "examples"
EMAIL = "examples@example.com"


def load_client() -> Any:
    spec = spec_from_file_location("clearcut_example", EXAMPLES / "clearcut.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLIENT = load_client()


@pytest.fixture(scope="module")
def environment(live: Application) -> dict[str, str]:
    key = live.issue_token(EMAIL)
    return {**os.environ, "CLEARCUT_URL": live.url, "CLEARCUT_KEY": key}


@pytest.fixture
def clearcut(environment: dict[str, str]) -> Any:
    return CLIENT.Clearcut(environment["CLEARCUT_URL"], environment["CLEARCUT_KEY"])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'a "disc" é.jpg'
    path.write_bytes(picture_bytes("JPEG", size=(300, 200)))
    return path


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def call(program: str) -> list[str]:
    """What runs a program of examples/, without arguments of its own."""
    runners = {".py": [sys.executable], ".mjs": ["node"], ".sh": []}
    runner = runners[Path(program).suffix]
    if runner == ["node"]:
        runner = [find_program("node", "nodejs")]
    return [*runner, str(EXAMPLES / program)]


def opened(path: Path) -> Pixels.Image:
    return Pixels.open(io.BytesIO(path.read_bytes()))


class TestPrograms:
    def test_python(self, environment: dict[str, str], photo: Path, tmp_path: Path) -> None:
        command = [sys.executable, str(EXAMPLES / "clearcut.py"), str(photo)]
        done = run([*command, str(tmp_path / "out.png")], environment)
        assert done.returncode == 0, done.stderr
        assert opened(tmp_path / "out.png").mode == "RGBA"
        target = tmp_path / "shop.jpg"
        done = run([*command, str(target), "format=jpeg", "background=#00f"], environment)
        assert done.returncode == 0, done.stderr
        assert opened(target).getpixel((0, 0)) == pytest.approx((0, 0, 254), abs=4)

    def test_python_tells_what_is_wrong(self, environment: dict[str, str], tmp_path: Path) -> None:
        text = tmp_path / "text.jpg"
        text.write_text("no picture")
        command = [sys.executable, str(EXAMPLES / "clearcut.py"), str(text), str(tmp_path / "x")]
        done = run(command, environment)
        assert (done.returncode, "(not_an_image)" in done.stderr) == (1, True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["text.jpg"]

    def test_javascript(self, environment: dict[str, str], photo: Path, tmp_path: Path) -> None:
        node, target = find_program("node", "nodejs"), tmp_path / "out.webp"
        command = [node, str(EXAMPLES / "javascript.mjs"), str(photo), str(target)]
        done = run([*command, "format=webp", "width=100"], environment)
        assert done.returncode == 0, done.stderr
        assert (opened(target).format, opened(target).width) == ("WEBP", 100)
        done = run([*command, "format=gif"], environment)
        assert (done.returncode, "(invalid_spec)" in done.stderr) == (1, True)

    def test_curl(self, environment: dict[str, str], tmp_path: Path) -> None:
        find_program("curl")
        for name, size in (("a.jpg", (300, 200)), ("b.jpg", (200, 300))):
            (tmp_path / name).write_bytes(picture_bytes("JPEG", size=size))
        pictures = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
        command = [str(EXAMPLES / "curl.sh"), str(tmp_path / "out"), *pictures]
        done = run(command, environment | {"PARAMETERS": "format=jpeg&background=white"})
        assert done.returncode == 0, done.stderr
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.jpg", "b.jpg"}
        assert opened(tmp_path / "out" / "a.jpg").size == (300, 200)

    def test_curl_goes_on_after_a_refusal(
        self, environment: dict[str, str], photo: Path, tmp_path: Path
    ) -> None:
        find_program("curl")
        out, text, missing = tmp_path / "out", tmp_path / "text.jpg", tmp_path / "missing.jpg"
        text.write_text("no picture")
        command = [str(EXAMPLES / "curl.sh"), str(out), str(text), str(missing), str(photo)]
        done = run(command, environment | {"PARAMETERS": "preset=white"})
        assert done.returncode == 1
        first, second = done.stderr.splitlines()
        assert first.startswith(f"{text}: ")
        assert "not a picture" in first
        assert second.startswith(f"{missing}: ")
        assert [path.name for path in out.iterdir()] == ['a "disc" é.jpg']
        assert opened(out / 'a "disc" é.jpg').format == "JPEG"

    def test_curl_leaves_nothing_of_what_was_refused(
        self, environment: dict[str, str], photo: Path, tmp_path: Path
    ) -> None:
        find_program("curl")
        command = [str(EXAMPLES / "curl.sh"), str(tmp_path / "out"), str(photo)]
        done = run(command, environment | {"PARAMETERS": "format=bmp"})
        assert done.returncode == 1
        assert done.stderr.startswith(f"{photo}: ")
        assert "png, webp, jpeg, avif" in done.stderr
        assert list((tmp_path / "out").iterdir()) == []

    @pytest.mark.parametrize("program", ["clearcut.py", "javascript.mjs", "curl.sh"])
    def test_they_say_how_they_are_called(self, program: str, environment: dict[str, str]) -> None:
        done = run(call(program), environment)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: ")
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("program", ["clearcut.py", "javascript.mjs"])
    def test_they_tell_what_is_wrong_with_a_call(
        self, program: str, environment: dict[str, str], photo: Path, tmp_path: Path
    ) -> None:
        command = [*call(program), str(photo), str(tmp_path / "out.png")]
        without = {name: text for name, text in environment.items() if name != "CLEARCUT_URL"}
        for done, word in (
            (run([*command, "bad"], environment), "bad"),
            (run(command, without), "CLEARCUT_URL"),
            (run(command, environment | {"CLEARCUT_URL": "localhost:8000"}), "http://"),
            (run([*command, "source=1"], environment), "source"),
        ):
            assert done.returncode in {1, 2}
            assert word in done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
        assert not (tmp_path / "out.png").exists()


class TestClient:
    def test_a_batch(self, clearcut: Any, tmp_path: Path) -> None:
        batch = clearcut.create_batch("Autumn", expected=3)
        for number in range(3):
            path = tmp_path / f"disc{number}.png"
            path.write_bytes(picture_bytes(size=(120 + number, 90)))
            image = clearcut.upload(path, batch=batch["id"], tags=["red", "round"])
            assert image["batch"] == batch["id"]
            assert image["tags"] == ["red", "round"]
        counts = clearcut.wait_for_batch(batch["id"], seconds=90)["counts"]
        assert (counts["done"], counts["failed"]) == (3, 0)
        clearcut.download_archive(batch["id"], tmp_path / "autumn.zip", format="webp")
        with zipfile.ZipFile(tmp_path / "autumn.zip") as archive:
            assert sorted(archive.namelist()) == ["disc0.webp", "disc1.webp", "disc2.webp"]
            assert archive.testzip() is None

    def test_pages_of_pictures(self, clearcut: Any, photo: Path) -> None:
        for _ in range(3):
            clearcut.upload(photo, title="One of three")
        found = clearcut.images(search="One of three", page_size=1)
        assert len({image["id"] for image in found}) == 3

    def test_refusals(self, clearcut: Any, photo: Path) -> None:
        with pytest.raises(CLIENT.ClearcutError) as caught:
            clearcut.upload(photo, engine="nothing")
        error = caught.value
        assert (error.status, error.code, error.attr) == (400, "unknown_engine", "engine")
        with pytest.raises(CLIENT.ClearcutError) as caught:
            clearcut.get(f"/images/{uuid4()}/")
        assert caught.value.status == 404
        with pytest.raises(ValueError, match="no address"):
            CLIENT.Clearcut("file:///etc", "key")

    def test_a_cutout_that_fails(self, clearcut: Any, tmp_path: Path) -> None:
        """Its header is sound, so that only the worker finds it out."""
        broken = tmp_path / "broken.jpg"
        content = picture_bytes("JPEG", size=(900, 900))
        broken.write_bytes(content[: len(content) // 3])
        with pytest.raises(CLIENT.ClearcutError) as caught:
            clearcut.cut_out(broken, tmp_path / "out.png")
        assert (caught.value.status, caught.value.code) == (0, "truncated_image")
        assert not (tmp_path / "out.png").exists()


@contextmanager
def moody(*statuses: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers with these statuses, one after the other, and what it was sent."""
    left, seen = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"]))
            status = left.pop(0)
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(b'{"id": "1"}')

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def test_patience_with_a_busy_server(photo: Path) -> None:
    """What is sent again bears the same key, so that nothing is done twice."""
    with moody(503, 429, 0, 201) as (url, seen):
        assert CLIENT.Clearcut(url, "key").upload(photo) == {"id": "1"}
    assert len(seen) == 4
    assert len({headers["Idempotency-Key"] for headers in seen}) == 1


def test_patience_ends(photo: Path) -> None:
    with moody(503, 503) as (url, seen), pytest.raises(CLIENT.ClearcutError) as caught:
        CLIENT.Clearcut(url, "key", tries=2).upload(photo)
    assert (caught.value.status, caught.value.code, len(seen)) == (503, "unknown", 2)


class TestWebhooks:
    @pytest.fixture
    def signed(self) -> tuple[str, dict[str, str], bytes]:
        secret, payload = make_secret(), json.dumps({"type": "cutout.done"})
        headers = signed_headers(
            secret=secret, delivery_id=uuid4(), at=datetime.now(UTC), payload=payload
        )
        return secret, headers, payload.encode()

    def test_genuine(self, signed: tuple[str, dict[str, str], bytes]) -> None:
        assert CLIENT.verify_webhook(*signed) == {"type": "cutout.done"}

    def test_forged(self, signed: tuple[str, dict[str, str], bytes]) -> None:
        secret, headers, body = signed
        for wrong in (
            (make_secret(), headers, body),
            (secret, headers, body + b" "),
            (secret, headers | {"webhook-id": "msg_other"}, body),
            (secret, headers | {"webhook-timestamp": "1000000000"}, body),
            (secret, headers | {"webhook-signature": "v1,ü"}, body),
        ):
            with pytest.raises(ValueError, match=r"old|fit"):
                CLIENT.verify_webhook(*wrong)
