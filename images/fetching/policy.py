"""What may be fetched, from where, and for how long."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from .addresses import Address, Network, is_public

MAX_LENGTH = 2048
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\]", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class FetchRefused(Exception):
    """The address is none that may be asked. `reason` is a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """max_bytes: of the answer. seconds: for everything together, redirects included.
    step_seconds: for any single step, which is connecting, or one read.
    networks: private ones that may be asked all the same, because the administrator says so.
    """

    max_bytes: int
    seconds: float = 15.0
    step_seconds: float = 6.0
    redirects: int = 3
    ports: frozenset[int] = frozenset({80, 443})
    networks: tuple[Network, ...] = field(default=())

    def allows(self, address: Address) -> bool:
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:  # the same host by another name; never public as such
            return any(mapped in network for network in self.networks)
        return is_public(address) or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def read_target(url: str, policy: FetchPolicy) -> Target:
    """Take an address apart; raises FetchRefused if it is not a plain http or https address."""
    if len(url) > MAX_LENGTH or _FORBIDDEN.search(url):
        raise FetchRefused("This is not a valid address.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchRefused("This is not a valid address.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise FetchRefused("The address must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise FetchRefused("The address must not carry a name or password.")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in policy.ports:
        raise FetchRefused(f"Port {port} is not allowed.")
    return Target(parts.scheme, _host(parts), port, _path(parts))


def _host(parts: SplitResult) -> str:
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError as error:
        raise FetchRefused("This is not a valid address.") from error
    bracketed = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(bracketed):
        raise FetchRefused("This is not a valid address.")
    return host


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return f"{path}?{query}" if query else path
