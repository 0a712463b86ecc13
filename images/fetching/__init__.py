"""Fetching a file from an address that somebody gave us, and that may be meant to harm.

The server stands where strangers cannot reach: its network, its own ports, the metadata service of
a cloud. So only public addresses are asked, each name is resolved once and that very address is
connected to, every redirect is checked like the first address, and bytes and time are bounded.
"""

from .client import Fetched, FetchFailed, FetchRefused, fetch
from .policy import FetchPolicy

__all__ = ["FetchFailed", "FetchPolicy", "FetchRefused", "Fetched", "fetch"]
