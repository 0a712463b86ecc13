"""A program that uses the API with a token."""

import time
from pathlib import Path
from typing import Any

import requests

from tests.system.application import Application

FINAL = ("done", "failed")


class Client:
    def __init__(self, application: Application, email: str) -> None:
        self.base = f"{application.url}/api/v1"
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Token {application.issue_token(email)}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(f"{self.base}{path}", timeout=60, **options)

    def post_file(self, name: str, content: bytes) -> requests.Response:
        return self.http.post(f"{self.base}/images/", files={"file": (name, content)}, timeout=60)

    def upload(self, path: Path) -> dict[str, Any]:
        """The new image, as the API describes it."""
        answer = self.post_file(path.name, path.read_bytes())
        assert answer.status_code == 201, answer.text
        image: dict[str, Any] = answer.json()
        return image

    def cutout(self, identifier: str) -> dict[str, Any]:
        answer = self.get(f"/cutouts/{identifier}/")
        assert answer.status_code == 200, answer.text
        cutout: dict[str, Any] = answer.json()
        return cutout

    def wait_for(self, identifiers: list[str], seconds: float) -> dict[str, dict[str, Any]]:
        """The cutouts when all are done or failed. A server that restarts meanwhile is no error."""
        waiting, finished = list(identifiers), {}
        end = time.monotonic() + seconds
        while waiting:
            assert time.monotonic() < end, f"after {seconds:g} s not finished: {waiting}"
            cutout = self._cutout_if_reachable(waiting[0])
            if cutout and cutout["status"] in FINAL:
                finished[waiting.pop(0)] = cutout
            else:
                time.sleep(0.1)
        return finished

    def _cutout_if_reachable(self, identifier: str) -> dict[str, Any] | None:
        try:
            return self.cutout(identifier)
        except requests.ConnectionError:
            return None

    def all_images(self) -> list[dict[str, Any]]:
        """The whole history, page by page."""
        images: list[dict[str, Any]] = []
        url: str | None = f"{self.base}/images/"
        while url:
            page = self.http.get(url, timeout=60).json()
            images += page["results"]
            url = page["next"]
        return images
