"""What gunicorn serves in test_webserver.py."""

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any

LARGE = 24 * 1024 * 1024


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer: Any = [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]
    headers = []
    if environ["PATH_INFO"] == "/digest":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = [f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()]
    elif environ["PATH_INFO"] == "/file":
        answer = environ["wsgi.file_wrapper"](open(os.environ["LARGE_FILE"], "rb"))  # noqa: PTH123, SIM115
        headers = [("Content-Length", str(LARGE))]
    elif environ["PATH_INFO"] == "/words":
        answer = (bytes([65 + number]) * 1024 * 1024 for number in range(24))
    if isinstance(answer, list):
        headers = [("Content-Length", str(len(answer[0])))]
    start_response("200 OK", headers)
    return answer
