"""Pictures in object storage, for several machines: any server that speaks S3."""

import errno
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

Method = TypeVar("Method", bound=Callable[..., Any])


def _as_disk_errors(method: Method) -> Method:
    """Whoever stores files knows what can go wrong with a disk, and nothing of S3."""

    @wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (BotoCoreError, ClientError) as error:
            raise OSError(errno.EIO, f"The object storage failed: {error}") from error

    return wrapped  # type: ignore[return-value] # of the same signature


class BucketStorage(S3Storage):
    """A private bucket: nobody gets an address in it, files go through views that check who asks.

    Names are never used twice, so there is no asking whether one is free.
    """

    def __init__(self, **options: Any) -> None:
        config = Config(
            signature_version="s3v4",
            # Newer checksums are understood by few other servers than Amazon's.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=30,
            retries={"max_attempts": 3, "mode": "standard"},
        )
        defaults = {
            "client_config": config,
            "default_acl": None,
            "querystring_auth": True,
            "file_overwrite": True,
            "max_memory_size": 1024 * 1024,
        }
        super().__init__(**{**defaults, **options})

    _open = _as_disk_errors(S3Storage._open)
    _save = _as_disk_errors(S3Storage._save)
    delete = _as_disk_errors(S3Storage.delete)
    exists = _as_disk_errors(S3Storage.exists)
    listdir = _as_disk_errors(S3Storage.listdir)
    size = _as_disk_errors(S3Storage.size)
