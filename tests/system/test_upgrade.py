"""`make run` on what an older version left behind: data/README.md says where that comes from."""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image as Pixels

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.conftest import make_application, spare_preparing

ARCHIVES = sorted(Path(__file__).parent.glob("data/*.zip"))
COUNTERS = (
    "import json\n"
    "from images.models import Usage\n"
    "print(json.dumps(list(Usage.objects.values_list('owner__email', 'images', 'bytes'))))"
)


@dataclass
class Upgraded:
    application: Application
    known: dict[str, Any]

    def get(self, path: str) -> requests.Response:
        """As the program that has had its key since before."""
        headers = {"Authorization": f"Token {self.known['key']}"}
        return requests.get(f"{self.application.url}/api/v1{path}", headers=headers, timeout=60)


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.stem)
def upgraded(
    request: pytest.FixtureRequest,
    prepared: Application,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgraded")
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(folder)
    spare_preparing(folder, prepared)
    application = make_application(folder)
    known = json.loads((folder / "known.json").read_text())
    try:
        application.start()
        yield Upgraded(application, known)
        application.stop()
    finally:
        application.kill()


def sign_in(application: Application, email: str, password: str) -> requests.Session:
    browser = requests.Session()
    address = f"{application.url}/accounts/login/"
    form = browser.get(address, timeout=30)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert token
    fields = {"login": email, "password": password, "csrfmiddlewaretoken": token[1]}
    answer = browser.post(address, data=fields, headers={"Referer": address}, timeout=30)
    assert answer.status_code == 200
    assert "/login/" not in answer.url, "the password was refused"
    return browser


def test_the_database_was_brought_up_to_date(upgraded: Upgraded) -> None:
    assert "Preparing the database" in "".join(upgraded.application.output)
    ready = requests.get(f"{upgraded.application.url}/readyz", timeout=30)
    assert ready.json()["status"] == "ok", ready.text


def test_people_sign_in_with_the_password_they_had(upgraded: Upgraded) -> None:
    browser = sign_in(upgraded.application, upgraded.known["email"], upgraded.known["password"])
    gallery = browser.get(f"{upgraded.application.url}/images/", timeout=30).text
    for identifier in upgraded.known["kept"]:
        assert identifier in gallery
    assert upgraded.known["trashed"] not in gallery


def test_the_administrator_is_still_one(upgraded: Upgraded) -> None:
    browser = sign_in(upgraded.application, upgraded.known["admin"], upgraded.known["password"])
    site = browser.get(f"{upgraded.application.url}/admin/", timeout=30)
    assert site.status_code == 200
    assert site.url.endswith("/admin/")


def test_old_pictures_are_whole(upgraded: Upgraded) -> None:
    for identifier in upgraded.known["kept"]:
        image = upgraded.get(f"/images/{identifier}/").json()
        assert image["cutout"]["status"] == "done"
        original = upgraded.get(f"/images/{identifier}/original/")
        assert len(original.content) == image["byte_size"]
        cached = upgraded.get(f"/cutouts/{image['cutout']['id']}/rendition/")
        assert Pixels.open(BytesIO(cached.content)).mode == "RGBA"
        new = upgraded.get(
            f"/cutouts/{image['cutout']['id']}/rendition/?format=jpeg&background=red"
        )
        corner = Pixels.open(BytesIO(new.content)).convert("RGB").getpixel((0, 0))
        assert isinstance(corner, tuple)
        assert corner[0] > 240
        assert max(corner[1:]) < 15


def test_the_trash_and_the_failures_are_as_they_were(upgraded: Upgraded) -> None:
    trash = upgraded.get("/images/?trash=1").json()["results"]
    assert [image["id"] for image in trash] == [upgraded.known["trashed"]]
    failed = upgraded.get(f"/images/{upgraded.known['failed']}/").json()
    assert failed["cutout"]["status"] == "failed"
    assert failed["cutout"]["error_code"] == "nothing_found"


def test_what_was_used_before_is_counted(upgraded: Upgraded) -> None:
    """The trash too, as for pictures that came later. Runs before the upload below."""
    counted = json.loads(upgraded.application.manage("shell", "-v0", "-c", COUNTERS))
    assert [upgraded.known["email"], 4, upgraded.known["bytes"]] in counted


def test_a_new_picture_is_cut_out(upgraded: Upgraded) -> None:
    answer = requests.post(
        f"{upgraded.application.url}/api/v1/images/",
        files={"file": ("new.png", picture_bytes())},
        headers={"Authorization": f"Token {upgraded.known['key']}", "Prefer": "wait=20"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["cutout"]["status"] == "done"
