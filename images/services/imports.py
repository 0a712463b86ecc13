"""Pictures that are named by an address instead of being sent."""

from urllib.parse import unquote

from django.conf import settings
from django.core.files.base import File

from images.fetching import FetchFailed, FetchPolicy, FetchRefused, fetch
from images.services.errors import ServiceError


class ImportsOff(ServiceError):
    code = "imports_off"
    message = "This server fetches no pictures from addresses. Send the file itself."


class AddressRefused(ServiceError):
    """Not a plain public address."""

    code = "address_refused"


class DownloadFailed(ServiceError):
    """The other server did not give the file."""

    code = "download_failed"


def import_policy() -> FetchPolicy:
    return FetchPolicy(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        seconds=settings.IMPORT_SECONDS,
        ports=frozenset(settings.IMPORT_PORTS),
        networks=tuple(settings.IMPORT_NETWORKS),
    )


def fetch_picture(*, url: str) -> "File[bytes]":
    """The file at `url`, open; nobody has looked whether it is a picture.

    Raises ImportsOff, AddressRefused or DownloadFailed.
    """
    if not settings.IMPORTS:
        raise ImportsOff
    try:
        found = fetch(url, import_policy())
    except FetchRefused as error:
        raise AddressRefused(error.reason) from error
    except FetchFailed as error:
        raise DownloadFailed(error.reason) from error
    file: File[bytes] = File(found.file, name=unquote(found.name) or "picture")
    file.size = found.size
    return file
