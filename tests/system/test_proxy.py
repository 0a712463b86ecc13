"""Behind nginx with TLS, below a path of a name, with the pictures sent by nginx: the examples in
deploy/nginx, as they stand but for names and ports."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image as Pixels
from playwright.sync_api import Browser, Page, expect

from images.serving import POLICY
from scripts.linux import die_with_parent
from tests.factories import picture_bytes
from tests.programs import find_program
from tests.system.application import ROOT, Application, free_port, wait_until
from tests.system.conftest import REPORT_VIOLATIONS, watch
from tests.system.people import CUTOUT_MS, PASSWORD, photo

EXAMPLES = ROOT / "deploy" / "nginx"
PREFIX = "/clearcut"
EMAIL = "administrator@example.com"
SECRET = "only-for-this-test-" + "x1y2z3" * 8
MAIN = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
{user}
events {{}}
http {{
    include /etc/nginx/mime.types; access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {content}
}}
"""
SERVER = """
server {{
    listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/certificate.key;
    location / {{ return 200 "the other site"; }}
    {content}
}}
"""


@dataclass
class Site:
    """Clearcut as people see it: through nginx."""

    application: Application
    port: int
    certificate: str

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}{PREFIX}/"

    def ask(self, path: str, key: str = "", **headers: str) -> requests.Response:
        """`path` counts from the root of the name."""
        headers |= {"Authorization": f"Token {key}"} if key else {}
        address = f"{self.origin}{path}"
        return requests.get(
            address, headers=headers, verify=self.certificate, allow_redirects=False, timeout=60
        )

    def ask_as_it_stands(self, path: str) -> tuple[int, bytes]:
        """Without a client that tidies the path up."""
        context = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection("localhost", self.port, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def write_configuration(folder: Path, content: str) -> Path:
    path = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    path.write_text(MAIN.format(folder=folder, content=content, user=user))
    return path


def make_certificate(folder: Path) -> None:
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    options += ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{folder}/certificate.key", "-out", f"{folder}/certificate.pem"]
    command = [find_program("openssl"), "req", "-x509", *options, *files]
    subprocess.run(command, check=True, capture_output=True)


def find_nginx() -> str:
    return "/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else find_program("nginx")


@contextmanager
def running_nginx(configuration: Path, port: int) -> Iterator[None]:
    command = [find_nginx(), "-c", str(configuration), "-p", str(configuration.parent)]
    process = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: PLW1509
    try:
        wait_until(lambda: is_listening(port), 10, "nginx listens")
        yield
    finally:
        process.terminate()
        process.wait(10)


def is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


@pytest.fixture(scope="module")
def site(prepared: Application, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    find_nginx()
    folder = tmp_path_factory.mktemp("proxy")
    shutil.copytree(prepared.folder, folder, dirs_exist_ok=True)
    production = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": SECRET,
        "ALLOWED_HOSTS": "localhost",
        "TRUSTED_PROXY_COUNT": "1",
        "FORCE_SCRIPT_NAME": PREFIX,
        "X_ACCEL_PREFIX": "/private-media",
    }
    application = Application(folder, prepared.model_dir, prepared.settings | production)
    port = free_port()
    make_certificate(folder)
    locations = replaced(
        (EXAMPLES / "sub-path.conf").read_text(),
        {
            "http://127.0.0.1:8000": f"http://127.0.0.1:{application.port}",
            "/srv/clearcut/media/": f"{folder}/media/",
        },
    )
    content = SERVER.format(port=port, folder=folder, content=locations)
    try:
        with running_nginx(write_configuration(folder, content), port):
            application.settings["CSRF_TRUSTED_ORIGINS"] = f"https://localhost:{port}"
            application.start()
            yield Site(application, port, f"{folder}/certificate.pem")
            application.stop()
    finally:
        application.kill()


@pytest.fixture
def page(site: Site, browser: Browser, problems: list[str]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.url, locale="en-GB", ignore_https_errors=True, accept_downloads=True
    )
    context.set_default_timeout(15_000)
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", lambda page: watch(page, problems))
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def administrator(site: Site, browser: Browser) -> Any:
    """Made through the link that was printed; the cookies of their browser."""
    link = urlsplit(site.application.first_run_link())
    assert (link.scheme, link.hostname) == ("https", "localhost")
    assert link.path == f"{PREFIX}/first-run/"
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{site.origin}{PREFIX}/workspace/")  # anything leads there
    assert urlsplit(page.url).path == link.path
    page.goto(f"{site.origin}{link.path}?{link.query}")
    page.locator("input[type=email]").fill(EMAIL)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("form button[type=submit]").last.click()
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()
    cookies = context.cookies()
    context.close()
    return cookies


@pytest.fixture(scope="module")
def key(site: Site, administrator: Any) -> str:
    return site.application.issue_token(EMAIL)


@pytest.fixture(scope="module")
def image(site: Site, key: str) -> dict[str, Any]:
    answer = requests.post(
        f"{site.url}api/v1/images/",
        files={"file": ("disc é.png", picture_bytes())},
        headers={"Authorization": f"Token {key}", "Prefer": "wait=30"},
        verify=site.certificate,
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert found["cutout"]["status"] == "done", found
    return found


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def addresses_on(page: Page) -> list[str]:
    """Where everything on the page leads or comes from, as paths."""
    script = """() => [...document.querySelectorAll("[href], [src], [action], [formaction]")]
        .flatMap((e) => ["href", "src", "action", "formaction"].map((n) => e.getAttribute(n)))
        .filter((a) => a && !a.startsWith("#") && !a.startsWith("data:") && !a.startsWith("blob:"))
        .map((a) => new URL(a, document.baseURI)).filter((u) => u.origin === location.origin)
        .map((u) => u.pathname)"""
    found: list[str] = page.evaluate(script)
    return found


def test_all_pages_stay_below_the_path(
    site: Site, page: Page, administrator: Any, image: dict[str, Any]
) -> None:
    page.context.add_cookies(administrator)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    for path in (
        "",
        "workspace/",
        "images/",
        f"images/{image['id']}/",
        "images/?trash=1",
        "account/",
        "admin/",
        "admin/images/image/",
        "api/docs/",
        "nothing-here/",
    ):
        page.goto(path, wait_until="networkidle")
        left = [one for one in addresses_on(page) if not f"{one}/".startswith(f"{PREFIX}/")]
        assert left == [], path
    asked = {urlsplit(address).path for address in outside if not address.startswith("blob:")}
    assert {path for path in asked if not path.startswith(f"{PREFIX}/")} == set()
    assert any(path.endswith(".js") for path in asked)


@pytest.fixture(autouse=True)
def expected_complaint(request: pytest.FixtureRequest, problems: list[str]) -> Iterator[None]:
    """The console notes the 404 that the test above asks for."""
    yield
    problems[:] = [problem for problem in problems if "nothing-here" not in problem]


def test_a_picture_in_the_browser(site: Site, page: Page, administrator: Any) -> None:
    page.context.add_cookies(administrator)
    page.goto("workspace/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures").click()
    chooser.value.set_files([photo("below.png")])
    card = page.locator("[data-card]").filter(has_text="below.png").first
    expect(card).to_have_attribute("data-status", "done", timeout=CUTOUT_MS)
    card.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name="below.png")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert Pixels.open(waiting.value.path()).mode == "RGBA"
    shown = page.evaluate("() => [...document.images].every((i) => !i.complete || i.naturalWidth)")
    assert shown


def test_cookies_are_for_the_path_alone(administrator: Any) -> None:
    named = {cookie["name"]: cookie for cookie in administrator}
    assert {"sessionid", "csrftoken"} <= set(named)
    for name in ("sessionid", "csrftoken"):
        assert named[name]["path"] == f"{PREFIX}/"
        assert named[name]["secure"]


def test_redirects_and_addresses(site: Site, key: str, image: dict[str, Any]) -> None:
    assert site.ask("/").text == "the other site"
    assert site.ask(PREFIX).headers["Location"].endswith(f"{PREFIX}/")
    answer = site.ask(f"{PREFIX}/workspace/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{PREFIX}/accounts/login/?next={PREFIX}/workspace/"
    missing = site.ask(f"{PREFIX}/api/v1/nothing/")
    assert missing.json()["errors"][0]["code"] == "not_found"
    for address in (image["original_url"], image["cutout"]["rendition_url"]):
        assert address.startswith(site.url)
    assert "url: /clearcut" in site.ask(f"{PREFIX}/api/schema/").text
    plain = requests.get(
        f"http://localhost:{site.application.port}{PREFIX}/x?y", allow_redirects=False, timeout=30
    )
    assert plain.headers["Location"] == f"https://localhost:{site.application.port}{PREFIX}/x?y"


def test_the_client_cannot_say_who_it_is(site: Site, key: str) -> None:
    """nginx overwrites what the client claims, and Clearcut believes nginx."""
    answer = site.ask(f"{PREFIX}/api/v1/images/", **{"X-Forwarded-Proto": "http"})
    assert answer.status_code == 401, "and no redirect to HTTPS"


def test_nginx_sends_the_pictures(site: Site, key: str, image: dict[str, Any]) -> None:
    inner = requests.get(
        f"http://localhost:{site.application.port}{path_of(image['original_url'])}",
        headers={"Authorization": f"Token {key}", "X-Forwarded-Proto": "https"},
        timeout=30,
    )
    assert inner.content == b""
    assert inner.headers["X-Accel-Redirect"].startswith("/private-media/originals/")
    answer = site.ask(path_of(image["original_url"]), key)
    assert answer.content == picture_bytes()
    assert "X-Accel-Redirect" not in answer.headers
    for name in ("rendition_url", "matte_url"):
        found = site.ask(path_of(image["cutout"][name]), key)
        assert Pixels.open(BytesIO(found.content)).size == (120, 90)


def test_the_headers_are_ours(site: Site, key: str, image: dict[str, Any]) -> None:
    headers = site.ask(path_of(image["original_url"]), key).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"].startswith("private")
    assert {"Cookie", "Authorization"} <= set(headers["Vary"].replace(" ", "").split(","))
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"].startswith("attachment; filename")
    assert "disc%20%C3%A9.png" in headers["Content-Disposition"]


def test_ranges_and_conditions(site: Site, key: str, image: dict[str, Any]) -> None:
    path = path_of(image["original_url"])
    part = site.ask(path, key, Range="bytes=1-3")
    assert (part.status_code, part.content) == (206, b"PNG")
    assert part.headers["Content-Security-Policy"] == POLICY
    tag = site.ask(path, key).headers["ETag"]
    assert site.ask(path, key, **{"If-None-Match": tag}).status_code == 304


def test_only_those_who_may(site: Site, image: dict[str, Any]) -> None:
    stranger = site.application.issue_token("stranger@example.com")
    assert site.ask(path_of(image["original_url"])).status_code == 401
    assert site.ask(path_of(image["original_url"]), stranger).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/private-media/{name}",
        "/private-media/../data/secret_key",
        "/private-media/%2e%2e/data/secret_key",
        "/private-media../data/secret_key",
        "/clearcut/../private-media/{name}",
        "/clearcut/%2e%2e/private-media/{name}",
        "//private-media/{name}",
        "/clearcut/private-media/{name}",
        "/clearcut/media/{name}",
    ],
)
def test_nobody_asks_for_the_files_themselves(site: Site, image: dict[str, Any], path: str) -> None:
    originals = site.application.folder / "media" / "originals"
    found = next(originals.rglob(f"*{image['id']}/*"))
    name = found.relative_to(originals.parent)
    status, content = site.ask_as_it_stands(path.format(name=name))
    assert found.read_bytes() not in content
    assert status in {400, 404} or content == b"the other site"


def test_the_example_for_a_whole_name_is_sound(tmp_path: Path) -> None:
    """And hands out pictures as the one for a path does, which the tests above have tried."""
    whole, below = ((EXAMPLES / name).read_text() for name in ("clearcut.conf", "sub-path.conf"))
    make_certificate(tmp_path)
    content = replaced(
        whole,
        {
            "/etc/ssl/cutouts.example.com.pem": f"{tmp_path}/certificate.pem",
            "/etc/ssl/cutouts.example.com.key": f"{tmp_path}/certificate.key",
        },
    )
    command = [find_nginx(), "-t", "-c", str(write_configuration(tmp_path, content))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert directives(whole) >= directives(below.partition("location /clearcut/ {")[2])


def directives(text: str) -> set[str]:
    lines = {line.strip() for line in text.splitlines()}
    return {line for line in lines if line.endswith(";")}
