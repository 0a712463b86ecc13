"""A client for the API of Clearcut in one file that needs nothing but Python 3.11.

    import os
    from clearcut import Clearcut

    clearcut = Clearcut("https://cutouts.example.com", os.environ["CLEARCUT_KEY"])
    clearcut.cut_out("dog.jpg", "dog.png")
    clearcut.cut_out("dog.jpg", "shop.jpg", format="jpeg", background="white", width=1000)

    batch = clearcut.create_batch("Autumn", expected=2)
    for name in ("a.jpg", "b.jpg"):
        clearcut.upload(name, batch=batch["id"])
    clearcut.wait_for_batch(batch["id"])
    clearcut.download_archive(batch["id"], "autumn.zip", format="webp")

On the command line, with CLEARCUT_URL and CLEARCUT_KEY in the environment:

    python clearcut.py dog.jpg dog.png
    python clearcut.py dog.jpg shop.jpg format=jpeg background=white

Requests that are refused for the moment (429 and 503) are sent again when the server says so; those
that the network lost, too: uploads carry an Idempotency-Key, so nothing is done twice. What is
refused for good raises ClearcutError, whose `code` docs/api.md lists. Several threads may share a
Clearcut object.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

FINAL = ("done", "failed")
PASSING = (429, 503)
TOLERANCE_SECONDS = 300
CHUNK_BYTES = 64 * 1024


class ClearcutError(Exception):
    """What the server refused, or could not do.

    code: for programs, such as `file_too_large` or `nothing_found`. detail: a sentence for people.
    status: of the answer; 0 for a cutout that failed. attr: the parameter that is wrong, if one is.
    """

    def __init__(self, status: int, code: str, detail: str, attr: str | None = None) -> None:
        super().__init__(f"{detail} ({code})")
        self.status, self.code, self.detail, self.attr = status, code, detail, attr


class Clearcut:
    """One server and one key.

    url: of the server, with the path below which it is served, if there is one.
    timeout: seconds without a byte until a request counts as lost. tries: for each request.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 90, tries: int = 5) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(
                f"{url!r} is no address of a server: those begin with http:// or https://."
            )
        self.api = url.rstrip("/") + "/api/v1"
        self.key, self.timeout, self.tries = key, timeout, tries

    # One picture

    def cut_out(
        self, source: str | Path, target: str | Path, /, **rendition: Any
    ) -> dict[str, Any]:
        """Upload a file, wait, and write the picture without background to `target`.

        rendition: the parameters of renditions in docs/api.md, such as format="jpeg". Returns the
        image, which is still there for other renditions.
        """
        image = self.wait(self.upload(source, wait=20))
        self.download(image, target, **rendition)
        return image

    def upload(self, source: str | Path, *, wait: int = 0, **parameters: Any) -> dict[str, Any]:
        """The new image. wait: seconds after which the server answers though it is not done.

        parameters: title, tags, batch, engine, roi.
        """
        path = Path(source)
        body, kind = _form(parameters, path.name, path.read_bytes())
        return self._create("/images/", body, kind, wait)

    def upload_from(self, url: str, *, wait: int = 0, **parameters: Any) -> dict[str, Any]:
        """As `upload`, with a picture that the server fetches itself."""
        body = json.dumps({"url": url, **parameters}).encode()
        return self._create("/images/", body, "application/json", wait)

    def wait(self, image: Mapping[str, Any], *, seconds: float = 300) -> dict[str, Any]:
        """The image once its newest cutout is done. Raises ClearcutError if that failed."""
        end = time.monotonic() + seconds
        while True:
            cutout = self.get(f"/cutouts/{image['latest_cutout']}/")
            if cutout["status"] == "failed":
                raise ClearcutError(0, cutout["error_code"], cutout["error_message"])
            if cutout["status"] == "done":
                return self.get(f"/images/{image['id']}/")
            _pause_until(end, "The picture is not finished yet.")

    def download(self, image: Mapping[str, Any], target: str | Path, /, **rendition: Any) -> Path:
        """Write the newest cutout of an image to `target`, rendered as the parameters say."""
        query = _query(rendition)
        return self._save(f"/cutouts/{image['latest_cutout']}/rendition/{query}", target)

    # Many pictures

    def images(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Your images, newest first, page after page. filters: status="done", tag="shoes" ..."""
        url: str | None = f"{self.api}/images/{_query(filters)}"
        while url:
            page = self._json("GET", url)
            yield from page["results"]
            url = page["next"]

    def create_batch(self, name: str, *, expected: int | None = None) -> dict[str, Any]:
        """A set of pictures: upload with `batch=batch["id"]`. expected: how many will come."""
        fields = {"name": name} | ({} if expected is None else {"expected": expected})
        return self._create("/batches/", json.dumps(fields).encode(), "application/json", 0)

    def wait_for_batch(self, batch_id: str, *, seconds: float = 3600) -> dict[str, Any]:
        """The batch once all of it is done or failed; `counts` in it tells how many."""
        end = time.monotonic() + seconds
        while not (batch := self.get(f"/batches/{batch_id}/"))["finished"]:
            _pause_until(end, "The batch is not finished yet.")
        return batch

    def download_archive(self, batch_id: str, target: str | Path, **rendition: Any) -> Path:
        """Write all finished pictures of a batch to `target`, a zip, as it comes in."""
        return self._save(f"/batches/{batch_id}/archive/{_query(rendition)}", target)

    # Requests

    def get(self, path: str) -> dict[str, Any]:
        """What the API answers at a path below /api/v1."""
        return self._json("GET", self.api + path)

    def _create(self, path: str, body: bytes, kind: str, wait: int) -> dict[str, Any]:
        headers = {"Content-Type": kind, "Idempotency-Key": str(uuid.uuid4())}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        return self._json("POST", self.api + path, body, headers)

    def _json(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        with closing(self._open(method, url, body, headers or {})) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def _save(self, path: str, target: str | Path) -> Path:
        """All of it, or nothing: what is not complete never bears the name of `target`."""
        target = Path(target)
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            answer = self._open("GET", self.api + path, None, {})
            with closing(answer), draft.open("wb") as file:
                shutil.copyfileobj(answer, file, CHUNK_BYTES)
            return draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _open(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
        """The answer, open for reading. Raises ClearcutError, or OSError if the network fails."""
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - see __init__
        request.add_unredirected_header("Authorization", f"Token {self.key}")
        for left in reversed(range(self.tries)):
            try:
                return urllib.request.urlopen(request, timeout=self.timeout)  # noqa: S310
            except urllib.error.HTTPError as error:
                refusal = _refusal(error)
                if not left or not _passes(refusal):
                    raise refusal from None
                time.sleep(_seconds(error.headers.get("Retry-After")))
            except (OSError, http.client.HTTPException):
                if not left:
                    raise
                time.sleep(1)
        raise AssertionError("not reached")


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The message of a webhook. Raises ValueError unless it is fresh and signed with `secret`.

    headers: of the request, by names in small letters. body: as it came, before any decoding.
    """
    name, sent_at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        raise ValueError("The message is too old, or of the future.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{name}.{sent_at}.".encode() + body, hashlib.sha256)
    expected = "v1," + base64.b64encode(signed).decode()
    given = headers["webhook-signature"].split()
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in given):
        raise ValueError("The signature does not fit.")
    message: dict[str, Any] = json.loads(body)
    return message


def _form(fields: Mapping[str, Any], filename: str, content: bytes) -> tuple[bytes, str]:
    """A multipart form and its content type. A list becomes a field for each of its values."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        values = value if isinstance(value, list | tuple) else [value]
        parts += [(f'name="{name}"', str(one).encode()) for one in values]
    safe = filename.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
    parts.append((f'name="file"; filename="{safe}"', content))
    lines = []
    for head, data in parts:
        lines += [f"--{boundary}".encode(), f"Content-Disposition: form-data; {head}".encode()]
        lines += [b"", data]
    lines += [f"--{boundary}--".encode(), b""]
    return b"\r\n".join(lines), f"multipart/form-data; boundary={boundary}"


def _query(parameters: Mapping[str, Any]) -> str:
    return f"?{urllib.parse.urlencode(parameters, doseq=True)}" if parameters else ""


def _refusal(error: urllib.error.HTTPError) -> ClearcutError:
    with error:
        try:
            first = json.load(error)["errors"][0]
        except (ValueError, LookupError, TypeError):
            return ClearcutError(error.code, "unknown", f"The server answered {error.code}.")
    return ClearcutError(error.code, first["code"], first["detail"], first.get("attr"))


def _passes(refusal: ClearcutError) -> bool:
    return refusal.status in PASSING or refusal.code == "idempotency_in_progress"


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 2.0


def _pause_until(end: float, sentence: str) -> None:
    if time.monotonic() > end:
        raise TimeoutError(sentence)
    time.sleep(0.5)


def _misused(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def main(arguments: list[str]) -> int:
    url, key = os.environ.get("CLEARCUT_URL"), os.environ.get("CLEARCUT_KEY")
    if len(arguments) < 2:
        return _misused("usage: python clearcut.py PICTURE TARGET [PARAMETER=VALUE ...]")
    if not url or not key:
        return _misused("CLEARCUT_URL and CLEARCUT_KEY in the environment say where and as whom.")
    source, target, *rest = arguments
    for one in rest:
        if "=" not in one:
            return _misused(f"{one!r} is no parameter: those look like format=jpeg.")
    try:
        clearcut = Clearcut(url, key)
        clearcut.cut_out(source, target, **dict(one.split("=", 1) for one in rest))
    except ValueError as error:  # an address or a key that no request can carry
        return _misused(str(error))
    except (ClearcutError, OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"{source}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
