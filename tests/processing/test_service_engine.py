"""The engine that asks another server: what it sends, and what becomes of every answer."""

import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processing.engines import Prediction, get_engine, service, service_access
from processing.engines.catalog import ENGINES, engine_problem, is_listed
from processing.engines.service import read_matte
from processing.engines.service_access import ServiceAccess
from processing.errors import (
    EngineUnavailable,
    NothingFound,
    ProcessingError,
    ServiceAsksToWait,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceQuota,
    ServiceRefused,
)
from processing.pipeline import extract
from processing.spec import ExtractSpec
from tests.images.fetching.test_fetching import certificate  # noqa: F401 - a fixture
from tests.services import KEY, Answer, FakeService, matte_png, refusal, running_service

from .pictures import ball, model_dir

SIZE = (120, 90)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    with running_service() as running:
        running.answer = Answer(body=matte_png(SIZE))
        switch_on(monkeypatch, running.url)
        yield running


def switch_on(monkeypatch: pytest.MonkeyPatch, url: str, seconds: float = 5.0) -> None:
    access = ServiceAccess(url, KEY, seconds)
    monkeypatch.setattr(service_access, "_provider", lambda: access)


def predict(size: tuple[int, int] = SIZE) -> Prediction:
    return get_engine("service", model_dir=model_dir()).predict(ball(size))


def test_without_an_address_it_is_neither_listed_nor_usable() -> None:
    info = ENGINES["service"]
    assert info.sends_away
    assert not is_listed(info)
    assert "switched off" in (engine_problem(info, model_dir=model_dir()) or "")
    with pytest.raises(EngineUnavailable, match="switched off"):
        get_engine("service", model_dir=model_dir())


def test_with_an_address_it_is(there: FakeService) -> None:
    assert is_listed(ENGINES["service"])
    assert engine_problem(ENGINES["service"], model_dir=model_dir()) is None


def test_an_engine_in_memory_knows_when_the_service_is_switched_off(
    there: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = get_engine("service", model_dir=model_dir())
    monkeypatch.setattr(service_access, "_provider", lambda: None)
    with pytest.raises(EngineUnavailable):
        engine.predict(ball())
    assert there.asked == []


def test_what_is_sent(there: FakeService) -> None:
    predict()
    ((path, headers, body),) = there.asked
    assert path == "/v1.0/removebg"
    assert headers["X-Api-Key"] == KEY
    for name, value in (("channels", "alpha"), ("format", "png"), ("size", "auto")):
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body
    sent = body[body.index(b"\xff\xd8") : body.rindex(b"\xff\xd9") + 2]
    with Image.open(io.BytesIO(sent)) as picture:
        assert (picture.format, picture.size) == ("JPEG", SIZE)


@pytest.mark.parametrize(
    ("size", "mode"), [(SIZE, "L"), (SIZE, "RGBA"), ((40, 30), "L"), ((41, 30), "RGBA")]
)
def test_what_comes_back_is_the_matte(there: FakeService, size: tuple[int, int], mode: str) -> None:
    """Grey or as transparency, of the size that was sent or smaller."""
    there.answer = Answer(body=matte_png(size, mode))
    prediction = predict()
    assert prediction.matte.size == size
    assert prediction.peak == 1
    assert prediction.softness == pytest.approx(0, abs=0.01)
    values = np.asarray(prediction.matte)
    assert values[size[1] // 2, size[0] // 2] == 255
    assert values[1, 1] == 0


@pytest.mark.parametrize(
    ("sent", "size", "fits"),
    [
        ((64, 64), (1, 64), False),
        ((64, 64), (64, 1), False),
        ((64, 64), (63, 64), True),
        ((64, 64), (61, 64), False),
        ((64, 64), (8, 8), False),
        ((4000, 3000), (625, 400), False),
        ((4000, 3000), (577, 433), True),
        ((4000, 100), (640, 16), True),
        ((4000, 100), (320, 8), False),
        ((100, 1), (100, 1), True),
        ((5, 3), (5, 3), True),
        ((5, 3), (1, 1), False),
    ],
)
def test_shapes(sent: tuple[int, int], size: tuple[int, int], fits: bool) -> None:
    content = matte_png(size)
    if fits:
        assert read_matte(content, sent).size == size
    else:
        with pytest.raises(ServiceFailed, match="another shape"):
            read_matte(content, sent)


def test_a_picture_goes_all_the_way(there: FakeService) -> None:
    engine = get_engine("service", model_dir=model_dir())
    done = extract(ball(), engine, ExtractSpec("service"))
    assert done.bbox == pytest.approx((30, 22, 91, 68), abs=2)


def test_an_empty_matte_is_nothing_found(there: FakeService) -> None:
    buffer = io.BytesIO()
    Image.new("L", SIZE).save(buffer, "PNG")
    there.answer = Answer(body=buffer.getvalue())
    engine = get_engine("service", model_dir=model_dir())
    with pytest.raises(NothingFound):
        extract(ball(), engine, ExtractSpec("service"))


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (refusal(400, "unknown_foreground"), NothingFound, "No subject"),
        (refusal(400, "resolution_too_high"), ServiceRefused, "400 (resolution_too_high)"),
        (refusal(404, "not_found"), ServiceRefused, "404"),
        (refusal(401, "auth_failed"), ServiceKeyRefused, "does not accept the key"),
        (refusal(403, "auth_failed"), ServiceKeyRefused, "does not accept the key"),
        (refusal(402, "insufficient_credits"), ServiceQuota, "used up"),
        (refusal(500, "internal_error"), ServiceFailed, "500 (internal_error)"),
        (Answer(502, b"<html>" * 9), ServiceFailed, "502."),
        (Answer(500, b"[" * 60_000), ServiceFailed, "500."),
        (Answer(500, b'{"errors": [{"code": "<b>no</b>"}]}'), ServiceFailed, "500."),
        (Answer(500, b'{"errors": {"code": 1}}'), ServiceFailed, "500."),
        (Answer(302, b"", {"Location": "/elsewhere"}), ServiceFailed, "302"),
        (Answer(204), ServiceFailed, "204"),
        (Answer(200, b""), ServiceFailed, "no picture"),
        (Answer(200, b"not a picture"), ServiceFailed, "no picture"),
        (Answer(200, matte_png(SIZE)[:-60]), ServiceFailed, "no picture"),
        (Answer(200, matte_png(SIZE, "RGB")), ServiceFailed, "no transparency"),
        (Answer(200, matte_png((90, 120))), ServiceFailed, "another shape"),
        (Answer(200, matte_png((240, 180))), ServiceFailed, "another shape"),
        (Answer(200, matte_png((60, 90))), ServiceFailed, "another shape"),
        (Answer(200, matte_png((1, 90))), ServiceFailed, "another shape"),
        (Answer(200, matte_png((1, 1))), ServiceFailed, "another shape"),
        (Answer(200, matte_png((16, 12))), ServiceFailed, "another shape"),
        (Answer(200, matte_png(SIZE), {"Content-Length": "99999"}), ServiceFailed, "broke off"),
    ],
)
def test_whatever_else_comes_is_a_clear_failure(
    answer: Answer, error: type[ProcessingError], told: str, there: FakeService
) -> None:
    there.answer = answer
    with pytest.raises(error) as caught:
        predict()
    assert type(caught.value) is error
    assert told in caught.value.message
    assert len(there.asked) == 1, "no redirect is followed, nothing is asked twice"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("86400", 300),
        ("", 15),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 15),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_it_may_ask_to_wait(there: FakeService, status: int, header: str, seconds: float) -> None:
    there.answer = refusal(status, "rate_limit_exceeded", Retry_After=header)
    with pytest.raises(ServiceAsksToWait) as caught:
        predict()
    assert caught.value.retry_after == seconds


def test_an_answer_without_end_is_cut_off(
    there: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_ANSWER_BYTES", 100_000)
    there.answer = Answer(body=b"\x89PNG" * 50_000)
    with pytest.raises(ServiceFailed, match="more than a picture"):
        predict()


def test_one_that_does_not_answer(there: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    there.answer = Answer(before=lambda: over.wait(20))
    switch_on(monkeypatch, there.url, seconds=0.5)
    began = time.monotonic()
    with pytest.raises(ServiceFailed, match="too long"):
        predict()
    assert time.monotonic() - began < 10
    over.set()


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        b"HTTP/1.1 402 Payment Required\r\nX: ",
        b"HTTP/1.1 402 Payment Required\r\n\r\n",
    ],
)
def test_one_that_drips(start: bytes, there: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, all of them never: the head has no more time than the rest."""
    there.answer = Answer(drips=start)
    switch_on(monkeypatch, there.url, seconds=0.6)
    began = time.monotonic()
    with pytest.raises(ServiceFailed, match="too long"):
        predict()
    assert time.monotonic() - began < 3


def test_no_thread_is_left_behind(there: FakeService) -> None:
    before = {one for one in threading.enumerate() if isinstance(one, threading.Timer)}
    predict()
    after = {one for one in threading.enumerate() if isinstance(one, threading.Timer)}
    assert after <= before


def test_one_that_thinks_for_longer_than_connecting_may_take(
    there: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CONNECT_SECONDS", 0.2)
    there.answer.before = lambda: time.sleep(0.6)
    assert predict().peak == 1


def test_an_address_may_have_a_path(there: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    switch_on(monkeypatch, f"{there.url}/of/it")
    predict()
    ((path, headers, _body),) = there.asked
    assert path == "/of/it/v1.0/removebg"
    assert f"http://{headers['Host']}" == there.url


def test_certificates_are_checked(
    certificate: Path,  # noqa: F811
    there: FakeService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running_service(tls=context) as secure:
        secure.answer = there.answer
        switch_on(monkeypatch, secure.url)
        with pytest.raises(ServiceFailed, match="could not be reached"):
            predict()
        assert secure.asked == []
        trusted = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(service, "_trusted", lambda: trusted)
        assert predict().peak == 1
        switch_on(monkeypatch, secure.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(ServiceFailed, match="could not be reached"):
            predict()


def test_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        switch_on(monkeypatch, f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(ServiceFailed, match="could not be reached"):
            predict()


def test_the_key_is_written_nowhere(there: FakeService, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    there.answer = refusal(403, "auth_failed")
    with pytest.raises(ServiceKeyRefused) as caught:
        predict()
    told = caplog.text + str(caught.value) + repr(service_access.current())
    assert "403" in caplog.text
    assert KEY not in told
