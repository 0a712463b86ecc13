"""Reading uploads without letting them fill the disk."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Stands before Django's own handlers and withholds what comes after the size limit.

    The rest of the file is read and dropped, so the other files of the request still arrive; the
    file that is kept is just larger than the limit, and the validator says so.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= settings.MAX_UPLOAD_BYTES else None

    def file_complete(self, file_size: int) -> Any:
        return None
