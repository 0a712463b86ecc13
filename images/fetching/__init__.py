"""Asking at an address that somebody gave us, and that may be meant to harm: to fetch a file, or to
send a message.

The server stands where strangers cannot reach: its network, its own ports, the metadata service of
a cloud. So only public addresses are asked, each name is resolved once and that very address is
connected to, every redirect is checked like the first address (and followed for files alone), and
bytes and time are bounded.
"""

from .client import Fetched, FetchFailed, FetchRefused, Posted, check, fetch, post
from .policy import FetchPolicy

__all__ = [
    "FetchFailed",
    "FetchPolicy",
    "FetchRefused",
    "Fetched",
    "Posted",
    "check",
    "fetch",
    "post",
]
