"""Ties between processes: children die with their parent, and parents hear that children live."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1

# libc is looked up here, since a fork is no place to load libraries.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; end now if that has happened.

    Only Linux can do it. Elsewhere whoever loops asks `is_orphan` now and then.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if is_orphan(parent):
        os._exit(os.EX_UNAVAILABLE)


def is_orphan(parent: int) -> bool:
    return os.getppid() != parent


def forked_die_with_parent() -> None:
    """From here on, whatever this process or its children fork dies with the one that forked it."""
    forking = {"pid": os.getpid()}

    def note_parent() -> None:
        forking["pid"] = os.getpid()

    def tie_child() -> None:
        die_with(forking["pid"])

    os.register_at_fork(before=note_parent, after_in_child=tie_child)


class Pulse:
    """The end of a pipe into which a child says that it goes round its loop."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def beat(self) -> None:
        # Full or closed: nobody listens at the moment, which is no reason to stop working.
        if self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, b".")
