"""Programs of others, unmodified, against the real application: what moving here comes down to.

`removebg` from PyPI and `remove.bg` from npm as they are published, curl as people use it, and what
people send to `rembg s`. The recipe for programs with a hard-coded address is tried as
docs/moving-from-remove-bg.md has it: its own commands, its own nginx configuration.
"""

import base64
import functools
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
import removebg.removebg
import requests
from PIL import Image as Pixels

from tests.factories import picture_bytes
from tests.programs import find_program
from tests.system.application import ROOT, Application, free_port
from tests.system.test_proxy import replaced, running_nginx, write_configuration

CLIENTS = ROOT / "tests" / "clients"
GUIDE = (ROOT / "docs" / "moving-from-remove-bg.md").read_text()
HOST = "api.remove.bg"
SIZE = (400, 300)


@dataclass(frozen=True)
class Service:
    """Clearcut for a program: where it is, its key, and pictures to name by address."""

    url: str
    key: str
    picture: Path
    pictures: str

    @property
    def endpoint(self) -> str:
        return f"{self.url}/v1.0/removebg"


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port at which the files of a folder can be fetched."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def service(prepared: Application, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Pictures by address come from this machine, which the guard refuses otherwise."""
    folder, pictures = tmp_path_factory.mktemp("clients"), tmp_path_factory.mktemp("pictures")
    shutil.copytree(prepared.folder, folder, dirs_exist_ok=True)
    (pictures / "disc.jpg").write_bytes(picture_bytes("JPEG", size=SIZE))
    buffer = io.BytesIO()
    Pixels.new("RGB", (50, 50), (0, 0, 255)).save(buffer, "PNG")
    (pictures / "blue.png").write_bytes(buffer.getvalue())
    with serving(pictures) as port:
        allowed = {"IMPORT_NETWORKS": "127.0.0.0/8", "IMPORT_PORTS": str(port)}
        application = Application(folder, prepared.model_dir, prepared.settings | allowed)
        try:
            application.start()
            url = application.url.replace("localhost", "127.0.0.1")
            key = application.issue_token("clients@example.com")
            yield Service(url, key, pictures / "disc.jpg", f"http://127.0.0.1:{port}")
            application.stop()
        finally:
            application.kill()


def assert_cut_out(picture: Pixels.Image, size: tuple[int, int] = SIZE) -> None:
    """The subject of the disc, and nothing beside it."""
    assert picture.size == size
    assert picture.mode == "RGBA"
    assert picture.getpixel((2, 2)) == (0, 0, 0, 0)
    red, _green, _blue, alpha = picture.getpixel((size[0] // 2, size[1] // 2))  # type: ignore[misc]
    assert (red > 150, alpha > 200) == (True, True)


def assert_on(picture: Pixels.Image, colour: tuple[int, int, int]) -> None:
    assert picture.convert("RGB").getpixel((2, 2)) == pytest.approx(colour, abs=4)


class Tunnel(ThreadingTCPServer):
    """A proxy that leads every connection it is asked for to one port of this machine.

    It stands for the DNS of the recipe: Python believes that it talks with api.remove.bg. Node has
    tests/clients/resolve.cjs for that, since the package goes past proxies with files.
    """

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), TunnelHandler)
        self.target = target
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class TunnelHandler(StreamRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline().decode())
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.target)) as there:
            back = threading.Thread(target=pump, args=[there, self.connection], daemon=True)
            back.start()
            pump(self.connection, there)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one of the two has gone


@dataclass(frozen=True)
class Redirected:
    """Where the recipe put the certificate authority, and the way to the server behind it."""

    authority: Path
    port: int
    tunnel: Tunnel

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HTTPS_PROXY": self.tunnel.url,
            "https_proxy": self.tunnel.url,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": str(self.authority),
        }

    @property
    def environment_of_node(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if "PROXY" not in name.upper()},
            "NODE_EXTRA_CA_CERTS": str(self.authority),
            "NODE_OPTIONS": f"--require {CLIENTS / 'resolve.cjs'}",
            "RESOLVE_FROM": f"{HOST}:443",
            "RESOLVE_TO": f"127.0.0.1:{self.port}",
        }


def block_of_guide(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def redirected(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redirected]:
    """The guide's recipe for programs with a hard-coded address."""
    find_program("openssl")
    folder, port = tmp_path_factory.mktemp("recipe"), free_port()
    commands = ["bash", "-euc", block_of_guide("sh")]
    done = subprocess.run(commands, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = replaced(
        block_of_guide("nginx"),
        {
            "listen 443": f"listen 127.0.0.1:{port}",
            "/etc/ssl/": f"{folder}/",
            "http://127.0.0.1:8000": service.url,
            "cutouts.example.com": "localhost",
        },
    )
    with running_nginx(write_configuration(folder, content), port), Tunnel(port) as tunnel:
        threading.Thread(target=tunnel.serve_forever, daemon=True).start()
        yield Redirected(folder / "ca.pem", port, tunnel)
        tunnel.shutdown()


class TestRemovebgOfPyPI:
    """removebg 0.4: three functions; it writes the file, or raises."""

    @pytest.fixture
    def client(
        self, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> removebg.removebg.RemoveBg:
        monkeypatch.setattr(removebg.removebg, "API_ENDPOINT", service.endpoint)
        return removebg.removebg.RemoveBg(service.key, str(tmp_path / "error.log"))

    def test_a_file(self, client: Any, service: Service, tmp_path: Path) -> None:
        photo = tmp_path / "disc.jpg"
        shutil.copy(service.picture, photo)
        client.remove_background_from_img_file(str(photo))
        with Pixels.open(tmp_path / "disc.jpg_no_bg.png") as picture:
            assert_cut_out(picture)

    @pytest.mark.parametrize("size", ["regular", "hd", "4k"])
    def test_an_address(self, size: str, client: Any, service: Service, tmp_path: Path) -> None:
        target = tmp_path / "out.png"
        client.remove_background_from_img_url(
            f"{service.pictures}/disc.jpg", size=size, new_file_name=str(target)
        )
        with Pixels.open(target) as picture:
            assert_cut_out(picture)

    def test_base64_on_a_colour(self, client: Any, service: Service, tmp_path: Path) -> None:
        target = tmp_path / "out.png"
        text = base64.b64encode(service.picture.read_bytes())
        client.remove_background_from_base64_img(text, new_file_name=str(target), bg_color="00ff00")
        with Pixels.open(target) as picture:
            assert_on(picture, (0, 255, 0))

    def test_a_wrong_key(self, client: Any, service: Service, tmp_path: Path) -> None:
        stranger = removebg.removebg.RemoveBg("nonsense", str(tmp_path / "error.log"))
        with pytest.raises(requests.HTTPError) as caught:
            stranger.remove_background_from_img_url(f"{service.pictures}/disc.jpg")
        assert caught.value.response.status_code == 403

    def test_by_the_recipe_without_changing_a_line(
        self, service: Service, redirected: Redirected, tmp_path: Path
    ) -> None:
        script = (
            "import sys; from removebg import RemoveBg; "
            "RemoveBg(sys.argv[1], 'error.log').remove_background_from_img_file(sys.argv[2])"
        )
        shutil.copy(service.picture, tmp_path / "disc.jpg")
        asked = len(redirected.tunnel.asked)
        done = subprocess.run(
            [sys.executable, "-c", script, service.key, "disc.jpg"],
            cwd=tmp_path,
            env=redirected.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert redirected.tunnel.asked[asked:] == [f"CONNECT {HOST}:443 HTTP/1.0\r\n"]
        with Pixels.open(tmp_path / "disc.jpg_no_bg.png") as picture:
            assert_cut_out(picture)


@pytest.fixture(scope="module")
def packages() -> Path:
    """The packages that the lock file of tests/clients names, installed once."""
    npm = find_program("npm")
    lock = (CLIENTS / "package-lock.json").read_bytes()
    folder = ROOT / "var" / "clients" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / name, folder / name)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and os.environ.get("CLEARCUT_REQUIRE_ALL") != "1":
            pytest.skip("npm could not install the packages of tests/clients")
        assert done.returncode == 0, done.stderr
        (folder / "complete").touch()
    return folder / "node_modules"


class TestRemoveBgOfNpm:
    """remove.bg 1.3.0, whose address cannot be changed: by the recipe."""

    @pytest.fixture
    def call(self, service: Service, redirected: Redirected, packages: Path) -> Any:
        node = find_program("node", "nodejs")

        def run(function: str, **options: Any) -> dict[str, Any]:
            options = {"apiKey": service.key} | options
            done = subprocess.run(
                [node, "--no-deprecation", CLIENTS / "removebg.cjs"],
                input=json.dumps({"function": function, "options": options}),
                env=redirected.environment_of_node | {"NODE_PATH": str(packages)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer

        return run

    def test_a_file(self, call: Any, service: Service, tmp_path: Path) -> None:
        target = tmp_path / "out.png"
        answer = call(
            "removeBackgroundFromImageFile", path=str(service.picture), outputFile=str(target)
        )
        assert "result" in answer, answer
        result = answer["result"]
        assert base64.b64decode(result["base64img"]) == target.read_bytes()
        with Pixels.open(target) as picture:
            assert_cut_out(picture)
        assert (result["resultWidth"], result["resultHeight"]) == ("400", "300")
        assert result["detectedType"] == "other"
        assert result["creditsCharged"] in {"0", "1"}
        assert int(result["rateLimitRemaining"]) < int(result["rateLimit"])

    @pytest.mark.parametrize(
        ("function", "source"),
        [
            ("removeBackgroundFromImageFile", "path"),
            ("removeBackgroundFromImageUrl", "url"),
            ("removeBackgroundFromImageBase64", "base64img"),
        ],
    )
    def test_every_option(
        self, function: str, source: str, call: Any, service: Service, tmp_path: Path
    ) -> None:
        sources = {
            "path": str(service.picture),
            "url": f"{service.pictures}/disc.jpg",
            "base64img": base64.b64encode(service.picture.read_bytes()).decode(),
        }
        answer = call(
            function,
            **{source: sources[source]},
            outputFile=str(tmp_path / "out.jpg"),
            size="full",
            type="product",
            scale="50%",
            position="50% 50%",
            crop=True,
            crop_margin="10%",
            roi="0% 0% 100% 100%",
            bg_color="81d4fa",
            channels="rgba",
            add_shadow=True,
        )
        assert "result" in answer, answer
        assert answer["result"]["detectedType"] == "product"
        with Pixels.open(tmp_path / "out.jpg") as picture:
            assert_on(picture, (0x81, 0xD4, 0xFA))

    def test_a_picture_behind_and_the_matte(
        self, call: Any, service: Service, tmp_path: Path
    ) -> None:
        options = {"path": str(service.picture), "outputFile": str(tmp_path / "out")}
        function = "removeBackgroundFromImageFile"
        answer = call(function, **options, bg_image_url=f"{service.pictures}/blue.png")
        assert "result" in answer, answer
        with Pixels.open(tmp_path / "out") as picture:
            assert_on(picture, (0, 0, 255))
        assert "result" in call(function, **options, channels="alpha")
        with Pixels.open(tmp_path / "out") as picture:
            assert (picture.mode, picture.getpixel((2, 2))) == ("L", 0)

    def test_errors_are_lists_of_titles(self, call: Any, service: Service) -> None:
        function = "removeBackgroundFromImageFile"
        (error,) = call(function, path=str(service.picture), apiKey="nonsense")["error"]
        assert error["title"] == "API Key invalid"
        (error,) = call(function, path=str(service.picture), roi="nonsense")["error"]
        assert error["title"] == "Invalid roi parameter given"
        (error,) = call("removeBackgroundFromImageUrl", url="http://localhost:1/x.png")["error"]
        assert error["title"] == "Invalid image_url: Please provide a valid URL."


class TestCurl:
    @pytest.fixture
    def curl(self, service: Service, tmp_path: Path) -> Any:
        """(status, headers in small letters, body)"""
        program = find_program("curl")

        def run(path: str, *arguments: str) -> tuple[int, dict[str, str], bytes]:
            target, head = tmp_path / "body", tmp_path / "head"
            target.unlink(missing_ok=True)
            command = [program, "-s", "-S", "-H", f"X-Api-Key: {service.key}", *arguments]
            command += ["-o", str(target), "-D", str(head), service.url + path]
            subprocess.run(command, check=True, timeout=60)
            lines = head.read_text().strip().splitlines()
            start = max(n for n, line in enumerate(lines) if line.startswith("HTTP/"))
            headers = dict(line.lower().split(": ", 1) for line in lines[start + 1 :] if line)
            return int(lines[start].split()[1]), headers, target.read_bytes()

        return run

    def cut_out(self, answer: tuple[int, dict[str, str], bytes]) -> Pixels.Image:
        status, headers, body = answer
        assert status == 200, body
        assert headers["content-type"] == "image/png"
        return Pixels.open(io.BytesIO(body))

    def test_multipart(self, curl: Any, service: Service) -> None:
        answer = curl("/v1.0/removebg", "-F", f"image_file=@{service.picture}", "-F", "size=auto")
        assert_cut_out(self.cut_out(answer))
        assert answer[1]["x-width"] == "400"

    def test_a_large_body_after_expect_100(self, curl: Any, tmp_path: Path) -> None:
        """From a megabyte on curl asks first whether it may send."""
        large = tmp_path / "large.png"
        large.write_bytes(picture_bytes(size=(2400, 1800), mode="RGB") + bytes(1_500_000))
        answer = curl("/v1.0/removebg", "-F", f"image_file=@{large}", "-H", "Expect: 100-continue")
        assert answer[0] == 200, answer[2]

    def test_urlencoded(self, curl: Any, service: Service) -> None:
        url = f"image_url={service.pictures}/disc.jpg"
        assert_cut_out(self.cut_out(curl("/v1.0/removebg", "-d", url, "-d", "size=auto")))

    def test_urlencoded_base64_of_a_file(self, curl: Any, service: Service, tmp_path: Path) -> None:
        text = tmp_path / "disc.b64"
        text.write_bytes(base64.encodebytes(service.picture.read_bytes()))
        answer = curl("/v1.0/removebg", "--data-urlencode", f"image_file_b64@{text}")
        assert_cut_out(self.cut_out(answer))

    @pytest.mark.parametrize("accept", ["application/json", "image/*"])
    def test_json(self, accept: str, curl: Any, service: Service, tmp_path: Path) -> None:
        body = tmp_path / "body.json"
        text = base64.b64encode(service.picture.read_bytes()).decode()
        body.write_text(json.dumps({"image_file_b64": text, "size": "auto", "crop": False}))
        headers = ("-H", "Content-Type: application/json", "-H", f"Accept: {accept}")
        status, found, content = curl("/v1.0/removebg", *headers, "-d", f"@{body}")
        assert status == 200, content
        if accept == "application/json":
            assert found["content-type"] == "application/json"
            content = base64.b64decode(json.loads(content)["data"]["result_b64"])
        assert_cut_out(Pixels.open(io.BytesIO(content)))

    def test_a_zip(self, curl: Any, service: Service) -> None:
        form = ("-F", f"image_file=@{service.picture}", "-F", "format=zip")
        status, headers, content = curl("/v1.0/removebg", *form)
        assert (status, headers["content-type"]) == (200, "application/zip")
        assert sorted(zipfile.ZipFile(io.BytesIO(content)).namelist()) == ["alpha.png", "color.jpg"]

    def test_the_account(self, curl: Any) -> None:
        status, _headers, body = curl("/v1.0/account")
        assert (status, json.loads(body)["data"]["attributes"]["api"]["sizes"]) == (200, "all")

    def test_by_the_recipe(self, service: Service, redirected: Redirected, tmp_path: Path) -> None:
        target = tmp_path / "out.png"
        lead = ("--connect-to", f"{HOST}:443:127.0.0.1:{redirected.port}")
        trust = ("--cacert", str(redirected.authority), "--noproxy", "*")
        sent = ("-H", f"X-API-Key: {service.key}", "-F", f"image_file=@{service.picture}")
        command = ["curl", "-sSf", *lead, *trust, *sent, f"https://{HOST}/v1.0/removebg"]
        subprocess.run([*command, "-o", str(target)], check=True, timeout=60)
        with Pixels.open(target) as picture:
            assert_cut_out(picture)

    def test_the_authority_vouches_for_that_name_alone(
        self, redirected: Redirected, tmp_path: Path
    ) -> None:
        """Its key in wrong hands makes no certificate for a bank."""
        commands = block_of_guide("sh").replace("DNS:api.remove.bg", "DNS:bank.example", 2)
        constrained = commands.replace("permitted;DNS:bank.example", "permitted;DNS:api.remove.bg")
        subprocess.run(["bash", "-euc", constrained], cwd=tmp_path, check=True, capture_output=True)
        verify = ["openssl", "verify", "-CAfile", "ca.pem", "api.remove.bg.pem"]
        done = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "permitted subtree violation" in done.stderr + done.stdout

    def test_rembg_as_its_readme_says(self, curl: Any, service: Service) -> None:
        url = f"/api/remove?url={service.pictures}/disc.jpg"
        assert_cut_out(self.cut_out(curl(url)))
        assert_cut_out(self.cut_out(curl("/api/remove", "-F", f"file=@{service.picture}")))


class TestProgramsForRembg:
    """Requests as people write them for `rembg s`."""

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"a": "true", "af": "240", "ab": "10", "ae": "10"},
            {"ppm": "true", "dc": "true", "vm": "false"},
        ],
    )
    def test_requests(self, fields: dict[str, str], service: Service) -> None:
        with service.picture.open("rb") as file:
            answer = requests.post(
                f"{service.url}/api/remove",
                files={"file": file},
                data=fields,
                headers={"Authorization": f"Bearer {service.key}"},
                timeout=60,
            )
        assert answer.headers["Content-Type"] == "image/png", answer.text
        assert_cut_out(Pixels.open(io.BytesIO(answer.content)))

    def test_a_mask_and_a_colour(self, service: Service) -> None:
        headers = {"X-Api-Key": service.key}
        for query, data, mode in (
            ("", {"om": "true"}, "L"),
            ("?bgc=0,0,255,255", {}, "RGB"),
        ):
            answer = requests.post(
                f"{service.url}/api/remove{query}",
                files={"file": ("a.jpg", service.picture.read_bytes(), "image/jpeg")},
                data=data,
                headers=headers,
                timeout=60,
            )
            assert answer.status_code == 200, answer.text
            assert Pixels.open(io.BytesIO(answer.content)).mode == mode

    def test_without_a_key(self, service: Service) -> None:
        answer = requests.get(
            f"{service.url}/api/remove?url={service.pictures}/disc.jpg", timeout=30
        )
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
