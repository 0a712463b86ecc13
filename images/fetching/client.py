"""The conversation with the other server."""

import ipaddress
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic
from typing import IO
from urllib.parse import urljoin

import certifi
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from processing.connections import connected

from .policy import FetchPolicy, FetchRefused, Target, read_target

USER_AGENT = "Clearcut"
CHUNK = 64 * 1024
IN_MEMORY = 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}

__all__ = ["FetchFailed", "FetchRefused", "Fetched", "Posted", "check", "fetch", "post"]


class FetchFailed(Exception):
    """The other server did not give us the file. `reason` is a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fetched:
    """file: open at 0, deleted when closed. name: the last part of the address that answered."""

    file: IO[bytes]
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of sending something: any status, and the header Retry-After if there is one."""

    status: int
    retry_after: str


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None


_FILE = _Question("GET", {"Accept": "image/*,*/*;q=0.5"})


def fetch(url: str, policy: FetchPolicy) -> Fetched:
    """The file at `url`. Raises FetchRefused if it may not be asked for, else FetchFailed.

    What a redirect leads to is checked like `url` itself.
    """
    end = monotonic() + policy.seconds
    target = read_target(url, policy)
    for _ in range(policy.redirects + 1):
        with _asked(_FILE, target, policy, end) as answer:
            if answer.status not in REDIRECTS:
                return _received(answer, target, policy, end)
            target = _redirected(target, answer, policy)
    raise FetchFailed("The address redirects too often.")


def post(url: str, policy: FetchPolicy, *, body: bytes, headers: Mapping[str, str]) -> Posted:
    """Send `body` to `url`, and return whatever status comes back; no redirect is followed.

    Raises FetchRefused if it may not be sent there, FetchFailed if no status came back. Of the
    answer's own body no more than `policy.max_bytes` is read, and nothing is kept.
    """
    end = monotonic() + policy.seconds
    question = _Question("POST", {"Accept": "*/*", **headers}, body)
    with _asked(question, read_target(url, policy), policy, end) as answer:
        if monotonic() >= end:  # we cut it off ourselves, which may look like the end of the head
            raise FetchFailed("The other server took too long.")
        _read_away(answer, policy)
        return Posted(answer.status, answer.headers.get("Retry-After", ""))


def check(url: str, policy: FetchPolicy) -> None:
    """Raises FetchRefused if nobody may be asked at `url`, FetchFailed if there is no such name."""
    _resolve(read_target(url, policy), policy, monotonic() + policy.seconds)


def _read_away(answer: HTTPResponse, policy: FetchPolicy) -> None:
    """So that the other server can finish; its status has said all that counts."""
    left = policy.max_bytes
    with suppress(OSError, HTTPError, HTTPException):
        while left > 0 and (chunk := answer.read1(min(CHUNK, left))):
            left -= len(chunk)


def _redirected(target: Target, answer: HTTPResponse, policy: FetchPolicy) -> Target:
    location = answer.headers.get("Location", "")
    following = read_target(urljoin(str(target), location), policy)
    if target.scheme == "https" and following.scheme == "http":
        raise FetchRefused("The address redirects from https to http.")
    return following


@contextmanager
def _asked(
    question: _Question, target: Target, policy: FetchPolicy, end: float
) -> Iterator[HTTPResponse]:
    connection = None
    try:
        address = _resolve(target, policy, end)
        with connected(address, target.port, longest=policy.step_seconds, end=end) as raw:
            connection = _http_over(raw, target, policy.step_seconds)
            connection.request(
                question.method,
                target.path,
                body=question.body,
                headers={
                    "User-Agent": USER_AGENT,
                    "Accept-Encoding": "identity",  # nothing to unpack: no bombs
                    **question.headers,
                },
                preload_content=False,
                decode_content=False,
            )
            yield connection.getresponse()
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        late = monotonic() >= end
        raise FetchFailed(
            "The other server took too long." if late else "The other server could not be reached."
        ) from error
    finally:
        if connection is not None:
            connection.close()


def _resolve(target: Target, policy: FetchPolicy, end: float) -> str:
    """The address to connect to. All that the name stands for must be allowed."""
    addresses = _looked_up(target.host, target.port, end)
    for address in addresses:
        if "%" in address or not policy.allows(ipaddress.ip_address(address)):
            raise FetchRefused("This address does not belong to the public internet.")
    return addresses[0]


def _looked_up(host: str, port: int, end: float) -> list[str]:
    """All addresses of a name. Asking cannot be stopped, so it is left behind when time is up."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([str(entry[4][0]) for entry in found])
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout=max(0.1, end - monotonic()))
    except TimeoutError as error:
        raise FetchFailed("The other server took too long.") from error
    except (OSError, UnicodeError) as error:
        raise FetchFailed("There is no server of this name.") from error


def _http_over(raw: socket.socket, target: Target, step_seconds: float) -> HTTPConnection:
    """HTTP over a connection that is there; certificates are checked for the name, not the number.

    Nothing of the environment counts: no proxy, no other certificates.
    """
    if target.scheme == "http":
        plain = HTTPConnection(target.host, target.port, timeout=step_seconds)
        plain._new_conn = lambda: raw  # type: ignore[method-assign]
        return plain
    secure = HTTPSConnection(
        target.host,
        target.port,
        timeout=step_seconds,
        ca_certs=certifi.where(),
        cert_reqs="CERT_REQUIRED",
    )
    secure._new_conn = lambda: raw  # type: ignore[method-assign]
    return secure


def _received(answer: HTTPResponse, target: Target, policy: FetchPolicy, end: float) -> Fetched:
    if answer.status != 200:
        raise FetchFailed(f"The other server answered with {answer.status}.")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchFailed("The other server sent the file packed, though it was asked not to.")
    length = answer.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) > policy.max_bytes:
        raise _too_large(policy)
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - goes to the caller
    try:
        size = _copy(answer, file, policy, end)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Fetched(file, size, target.path.partition("?")[0].rpartition("/")[2])


def _copy(answer: HTTPResponse, file: IO[bytes], policy: FetchPolicy, end: float) -> int:
    size = 0
    while chunk := answer.read1(CHUNK):
        size += len(chunk)
        if size > policy.max_bytes:
            raise _too_large(policy)
        _keep(file, chunk)
    if monotonic() >= end:  # we cut it off ourselves, which may look like a proper end
        raise FetchFailed("The other server took too long.")
    if answer.length_remaining:
        raise FetchFailed("The connection broke off in the middle of the file.")
    return size


def _keep(file: IO[bytes], chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise FetchFailed("This server has no room for the file.") from error


def _too_large(policy: FetchPolicy) -> FetchFailed:
    return FetchFailed(f"The file is larger than {policy.max_bytes / 1024 / 1024:g} MB.")
