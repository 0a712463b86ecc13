"""Content types that Django itself cannot read."""

import encodings
import logging
import pkgutil
from collections.abc import Callable
from io import BytesIO
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

import pytest

from config.wsgi import application, below, in_utf_8

CODECS = sorted(module.name for module in pkgutil.iter_modules(encodings.__path__))
NO_CODECS = ["no-such-codec", "", '"', "utf-8\x00", "hex", "zip", "rot13"]


def ask(content_type: str, body: bytes = b"") -> tuple[int, bytes]:
    """What the sign-in page answers."""
    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": "/accounts/login/",
        "QUERY_STRING": "next=/%C3%BC&q=a%80b",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "testserver",
        "HTTP_COOKIE": f"csrftoken={'a' * 32}",
        "HTTP_X_CSRFTOKEN": "a" * 32,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, *_headers: object) -> Callable[[bytes], object]:
        statuses.append(status)
        return bytes

    answer = application(environ, start_response)
    return int(statuses[0].split()[0]), b"".join(answer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "form", ["x/y; charset={}", "text/html; charset*={}''utf-8", "a/b; c*={}'en'%ff"]
)
def test_a_page_whatever_the_charset(form: str, caplog: pytest.LogCaptureFixture) -> None:
    answers = {codec: ask(form.format(codec))[0] for codec in CODECS + NO_CODECS}
    assert set(answers.values()) == {200}, answers
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.django_db(transaction=True)  # handlers of requests close the connection
@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "latin-1", "us-ascii", "hex", "undefined"])
def test_forms_are_read_as_utf_8(charset: str) -> None:
    body = urlencode({"login": "nobody@example.com", "password": "wrong"}).encode()
    status, page = ask(f"application/x-www-form-urlencoded; charset={charset}", body)
    assert status == 200
    assert b"nobody@example.com" in page


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", ""),
        ("text/plain", "text/plain"),
        ('multipart/form-data; boundary="a;b"; charset=hex', 'multipart/form-data; boundary="a;b"'),
        ("multipart/form-data; charset=zip; boundary=ab", 'multipart/form-data; boundary="ab"'),
        ("multipart/form-data; boundary=ab; charset=UTF-8", None),
        ("application/json; charset*=hex''utf-8", "application/json; charset*=hex''utf-8"),
        ("application/json; charset*=hex''rot13", "application/json"),
        ("a/b; c*=no-such-codec''x", ""),
    ],
)
def test_the_rest_of_the_content_type_stays(sent: str, kept: str | None) -> None:
    assert in_utf_8(sent) == (sent if kept is None else kept)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/clearcut/images/", "/images/"),
        ("/clearcut/", "/"),
        ("/clearcut", "/"),
        ("/images/", "/images/"),
        ("/clearcuts/", "/clearcuts/"),
        ("/", "/"),
        ("/x/clearcut/", "/x/clearcut/"),
    ],
)
def test_the_path_below_which_a_proxy_serves_us(path: str, left: str) -> None:
    assert below("/clearcut", path) == left
    assert below("", path) == path
