"""Reading uploads without letting them fill the disk."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.urls import reverse

OF_THE_API = frozenset({"api:backdrop-list", "api:cutout-matte"})


class BoundedUploadHandler(FileUploadHandler):
    """Stands before Django's own handlers and withholds what must not reach the disk.

    Files are kept only where they are expected: by the API, which has asked who it is before it
    reads them, and by the workspace for people who are signed in. Of a file that is too large the
    rest is dropped, so that the other files of the request still arrive; what is kept is just
    larger than the limit, and the validator says so.
    """

    kept = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start > settings.MAX_UPLOAD_BYTES or not self._is_expected():
            return None
        self.kept += len(raw_data)
        if self.kept > settings.MAX_REQUEST_BYTES:
            raise RequestDataTooBig("The files of one request are too large together.")
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        return None

    def _is_expected(self) -> bool:
        request = self.request
        if request is None or request.path == reverse("api:image-list"):
            return True
        if request.resolver_match and request.resolver_match.view_name in OF_THE_API:
            return True
        return request.path == reverse("web:workspace") and request.user.is_authenticated
