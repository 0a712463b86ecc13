"""Where the engine that asks a service finds it: whoever starts the process says so, once.

Apart from the engine itself, which the catalog must not import.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """url: up to the version of its API, which is added. key: sent along, never written down.
    seconds: for one picture, from the first byte to the last.
    """

    url: str
    key: str = field(repr=False)
    seconds: float = 60.0


Provider = Callable[[], ServiceAccess | None]


def _nowhere() -> None:
    return None


_provider: Provider = _nowhere


def provide(provider: Provider) -> None:
    """Ask `provider` from now on; it returns None where the service is switched off."""
    global _provider  # noqa: PLW0603 - one process has one service
    _provider = provider


def current() -> ServiceAccess | None:
    """The service to ask, or None where none may be."""
    return _provider()
