"""Clearcut asks Clearcut: the engine that calls a service, against a second instance of it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.client import Client
from tests.system.conftest import spare_preparing

SIZE = (400, 300)
ASKING = "the-other-server@example.com"


@dataclass
class Asking:
    """The instance that asks, and the one that is asked."""

    program: Client
    service: Application
    key: str

    def cut_out(self, picture: bytes) -> dict[str, Any]:
        """The cutout by the service, done or failed."""
        answer = self.program.http.post(
            f"{self.program.base}/images/",
            files={"file": ("picture.png", picture)},
            data={"engine": "service"},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        identifier = answer.json()["latest_cutout"]
        return self.program.wait_for([identifier], 60)[identifier]

    def at_the_service(self, change: str) -> None:
        """Change the account there that pictures are cut out for: `user` is at hand."""
        code = f"from accounts.models import User; user = User.objects.get(email={ASKING!r}); "
        self.service.manage("shell", "-v0", "-c", code + change)


@pytest.fixture(scope="module")
def asking(
    live: Application, prepared: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("asking")
    spare_preparing(folder, prepared)
    key = live.issue_token(ASKING)
    settings = {
        "SERVICE_ENGINE_URL": live.url.replace("localhost", "127.0.0.1"),
        "SERVICE_ENGINE_KEY": key,
        "DEFAULT_ENGINE": "drawn",
    }
    application = Application(folder, prepared.model_dir, prepared.settings | settings)
    try:
        application.start()
        yield Asking(Client(application, "person@example.com"), live, key)
        application.stop()
        assert key not in "".join(application.output)
    finally:
        application.kill()


def test_a_picture_goes_there_and_its_matte_comes_back(asking: Asking) -> None:
    (row,) = [row for row in asking.program.get("/engines/").json() if row["name"] == "service"]
    assert (row["available"], row["sends_away"], row["default"]) == (True, True, False)
    cutout = asking.cut_out(picture_bytes("PNG", size=SIZE))
    assert cutout["status"] == "done", cutout
    assert cutout["engine"] == "service"
    matte = Image.open(io.BytesIO(asking.program.http.get(cutout["matte_url"], timeout=60).content))
    assert (matte.size, matte.mode) == (SIZE, "L")
    assert matte.getpixel((2, 2)) == 0
    assert matte.getpixel((SIZE[0] // 2, SIZE[1] // 2)) == 255


def test_nothing_found_there_is_nothing_found_here(asking: Asking) -> None:
    blank = io.BytesIO()
    Image.new("RGB", SIZE, (200, 200, 200)).save(blank, "PNG")
    assert asking.cut_out(blank.getvalue())["error_code"] == "nothing_found"


def test_an_account_that_is_used_up_and_a_key_that_was_revoked(asking: Asking) -> None:
    asking.at_the_service("user.max_cutouts_per_month = 0; user.save()")
    cutout = asking.cut_out(picture_bytes("PNG", size=(410, 300)))
    assert (cutout["status"], cutout["error_code"]) == ("failed", "service_quota")
    asking.at_the_service("user.api_tokens.all().delete()")
    cutout = asking.cut_out(picture_bytes("PNG", size=(420, 300)))
    assert (cutout["status"], cutout["error_code"]) == ("failed", "service_key_refused")
    assert asking.key not in str(cutout)
