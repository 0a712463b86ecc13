"""The guarded fetcher: what it refuses to ask for, and what it does not put up with."""

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from time import monotonic

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from images.fetching import FetchFailed, FetchPolicy, FetchRefused, Posted, check, fetch, post
from images.fetching.addresses import is_public
from images.fetching.policy import read_target
from tests.images.fetching.hostile import Behaviour, answering, serving
from tests.servers import free_port

STRICT = FetchPolicy(max_bytes=1000, seconds=5)
LOCAL_NETWORK = ip_network("127.0.0.0/8")

# Every one of these leads, or may lead, to something that only this machine should reach.
HOSTILE = [
    # loopback, by every name it has
    *("http://127.0.0.1/", "http://127.0.0.2/", "http://127.1/", "http://127.0.1/"),
    *("http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://[::1]/"),
    *("http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/"),
    *("http://017700000001/", "http://0x7f.1/", "http://127.000.000.001/"),
    *("http://[0:0:0:0:0:0:0:1]/", "http://[0000::0001]/", "https://127.0.0.1/"),
    # this host, unspecified
    *("http://0.0.0.0/", "http://0/", "http://[::]/", "http://0.1.2.3/"),
    # IPv4 inside IPv6: mapped, compatible, translated, tunnelled
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/"),
    *("http://[::ffff:10.0.0.1]/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:0:7f00:1]/"),
    *("http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::1]/"),
    *("http://[2002:7f00:1::]/", "http://[2002:a00:1::1]/", "http://[2002:a9fe:a9fe::1]/"),
    *("http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "http://[2001::1]/"),
    *("http://[::ffff:8.8.8.8]/",),
    # private
    *("http://10.0.0.1/", "http://10.255.255.255/", "http://172.16.0.1/", "http://172.31.255.1/"),
    *("http://192.168.0.1/", "http://192.168.255.255/", "http://012.0.0.1/", "http://0xa000001/"),
    *("http://[fc00::1]/", "http://[fd12:3456:789a::1]/", "http://[fec0::1]/"),
    # link-local and the metadata services of clouds
    *("http://169.254.169.254/latest/meta-data/", "http://169.254.0.1/", "http://[fe80::1]/"),
    *("http://2852039166/", "http://0xa9.0xfe.0xa9.0xfe/", "http://0251.0376.0251.0376/"),
    *("http://[fd00:ec2::254]/", "http://[fe80::1%25lo]/", "http://169.254.170.2/v2/"),
    # shared, benchmark, documentation, relay, multicast, reserved, broadcast
    *("http://100.64.0.1/", "http://100.127.255.255/", "http://198.18.0.1/", "http://198.19.1.1/"),
    *("http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://192.88.99.1/"),
    *("http://192.0.0.1/", "http://192.0.0.192/", "http://224.0.0.1/", "http://239.255.255.250/"),
    *("http://240.0.0.1/", "http://255.255.255.255/", "http://[ff02::1]/", "http://[2001:db8::1]/"),
    *("http://[100::1]/", "http://[3fff::1]/", "http://[4000::1]/"),
    # other ports, other schemes, other tricks
    *("http://8.8.8.8:22/", "http://8.8.8.8:6379/", "http://8.8.8.8:8000/", "http://8.8.8.8:0/"),
    *("file:///etc/passwd", "ftp://8.8.8.8/", "gopher://8.8.8.8/", "data:image/png;base64,AAAA"),
    *("//8.8.8.8/", "8.8.8.8", "", "javascript:alert(1)", "http://", "http:///path", "https:"),
    *("http://8.8.8.8@127.0.0.1/", "http://user:pass@8.8.8.8/", "http://127.0.0.1#@8.8.8.8/"),
    *(
        "http://8.8.8.8\\@127.0.0.1/",
        "http://8.8.8.8 /",
        "http://8.8.8.8/\r\nHost: x",
        "http://a\tb/",
    ),
    *("http://8.8.8.8:99999/", "http://8.8.8.8:x/", "http://[8.8.8.8/", "http://[::1/"),
    *("http://exa mple.com/", "http://" + "a" * 300 + "/", "http://8.8.8.8/" + "a" * 3000),
    *("http://ⓛocalhost/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://\u2488\u2490/"),
]


def test_the_table_is_long_enough() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100


def send(url: str, policy: FetchPolicy) -> Posted:
    return post(url, policy, body=b"message", headers={"X-Name": "value"})


@pytest.mark.parametrize("ask", [fetch, send, check])
@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_are_refused(
    url: str, ask: Callable[[str, FetchPolicy], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is connected to."""

    def never(*args: object, **kwargs: object) -> socket.socket:
        raise AssertionError(f"connected to {args}")

    monkeypatch.setattr(socket, "create_connection", never)
    with pytest.raises((FetchRefused, FetchFailed)) as caught:
        ask(url, STRICT)
    assert str(caught.value).endswith(".")
    if isinstance(caught.value, FetchFailed):  # not even a name
        assert "no server of this name" in str(caught.value)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_public_ones_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def policy(port: int, **options: object) -> FetchPolicy:
    values: dict[str, object] = {"max_bytes": 1000, "seconds": 5.0, **options}
    return FetchPolicy(ports=frozenset({port}), networks=(LOCAL_NETWORK,), **values)  # type: ignore[arg-type]


def test_a_file() -> None:
    with serving(answering(b"picture")) as server:
        found = fetch(f"{server.url}/a/dog.jpg?size=1", policy(server.port))
    with found.file:
        assert found.file.read() == b"picture"
    assert (found.size, found.name) == (7, "dog.jpg")
    asked = server.asked[0].decode()
    assert asked.startswith("GET /a/dog.jpg?size=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in asked
    assert "Accept-Encoding: identity" in asked


def test_a_chunked_file() -> None:
    body = b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"
    with serving(answering(body, "Transfer-Encoding: chunked")) as server:
        found = fetch(server.url, policy(server.port))
    with found.file:
        assert found.file.read() == b"abcdefg"


def test_environment_proxies_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answering(b"x")) as server:
        fetch(server.url, policy(server.port)).file.close()


@pytest.mark.parametrize(
    "location",
    [
        *(
            "http://169.254.169.254/",
            "http://127.0.0.1:1/",
            "file:///etc/passwd",
            "http://10.0.0.1/",
        ),
        *("http://[::1]/", "//10.0.0.1/x", "http://user@8.8.8.8/"),
    ],
)
def test_redirects_are_checked_like_the_first(location: str) -> None:
    with (
        serving(answering(b"", f"Location: {location}", status="302 Found")) as server,
        pytest.raises(FetchRefused),
    ):
        fetch(server.url, policy(server.port))
    assert len(server.asked) == 1


def test_redirects_have_an_end() -> None:
    with (
        serving(answering(b"", "Location: /again", status="301 Moved")) as server,
        pytest.raises(FetchFailed, match="too often"),
    ):
        fetch(server.url, policy(server.port))
    assert len(server.asked) == 4


def test_a_redirect_is_followed() -> None:
    def behaviour(connection: socket.socket) -> None:
        first = server.asked[-1].startswith(b"GET / ")
        moved = answering(b"", "Location: /there.png", status="307 Temporary Redirect")
        (moved if first else answering(b"there"))(connection)

    with serving(behaviour) as server:
        found = fetch(f"{server.url}/", policy(server.port))
    with found.file:
        assert (found.file.read(), found.name) == (b"there", "there.png")


def test_a_name_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: public when it is looked up first, ourselves the second time. There is none."""
    calls = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: object, **kwargs: object) -> object:
        if host != "rebind.example":
            return real(host, port, *args, **kwargs)  # type: ignore[arg-type]
        calls.append(host)
        address = "93.184.215.14" if len(calls) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    def remember(address: tuple[str, int], **kwargs: object) -> socket.socket:
        connected.append(address)
        raise OSError("closed network")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", remember)
    with pytest.raises(FetchFailed):
        fetch("http://rebind.example/", STRICT)
    assert calls == ["rebind.example"]
    assert connected == [("93.184.215.14", 80)]


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, **kwargs: object) -> object:
        return [(2, 1, 6, "", (address, port)) for address in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(FetchRefused):
        fetch("http://both.example/", STRICT)


class TestLimits:
    def test_announced_length(self) -> None:
        with (
            serving(answering(b"", "Content-Length: 5000")) as server,
            pytest.raises(FetchFailed, match="larger than"),
        ):
            fetch(server.url, policy(server.port))

    @pytest.mark.parametrize("headers", [[], ["Transfer-Encoding: chunked"], ["Content-Length: 1"]])
    def test_more_than_announced(self, headers: list[str]) -> None:
        def endless(connection: socket.socket) -> None:
            connection.sendall("\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode())
            while not server.stopping.is_set():
                connection.sendall(b"400\r\n" + b"x" * 0x400 + b"\r\n")

        with serving(endless) as server:
            if headers == ["Content-Length: 1"]:
                fetch(server.url, policy(server.port)).file.close()  # what comes after is not read
                return
            with pytest.raises(FetchFailed, match="larger than"):
                fetch(server.url, policy(server.port))

    def test_broken_off(self) -> None:
        with (
            serving(answering(b"half", "Content-Length: 100")) as server,
            pytest.raises(FetchFailed),
        ):
            fetch(server.url, policy(server.port))

    def test_packed_answers_are_not_unpacked(self) -> None:
        with (
            serving(answering(b"x", "Content-Encoding: gzip")) as server,
            pytest.raises(FetchFailed, match="packed"),
        ):
            fetch(server.url, policy(server.port))

    @pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "206 Part"])
    def test_other_answers(self, status: str) -> None:
        with (
            serving(answering(b"", status=status)) as server,
            pytest.raises(FetchFailed, match=f"answered with {status[:3]}"),
        ):
            fetch(server.url, policy(server.port))

    @pytest.mark.parametrize(
        "garbage", [b"", b"\x00\xff" * 50, b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0\r\n"]
    )
    def test_garbage(self, garbage: bytes) -> None:
        with (
            serving(lambda connection: connection.sendall(garbage)) as server,
            pytest.raises(FetchFailed),
        ):
            fetch(server.url, policy(server.port))

    @pytest.mark.parametrize("part", ["head", "body", "handshake"])
    def test_a_drop_at_a_time(self, part: str) -> None:
        """Each byte comes in time, all of them never."""
        starts = {"head": b"HTTP/1.1 200 OK\r\nX: ", "handshake": b"\x16\x03\x03\x40\x00"}
        start = starts.get(part, b"HTTP/1.1 200 OK\r\n\r\n")

        def dripping(connection: socket.socket) -> None:
            connection.sendall(start)
            while not server.stopping.wait(0.05):
                connection.sendall(b"x")

        with serving(dripping) as server:
            scheme = "https" if part == "handshake" else "http"
            began = monotonic()
            with pytest.raises(FetchFailed):
                fetch(f"{scheme}://127.0.0.1:{server.port}/", policy(server.port, seconds=0.6))
            assert monotonic() - began < 3

    def test_silence(self) -> None:
        def silent(connection: socket.socket) -> None:
            server.stopping.wait(20)

        with serving(silent) as server, pytest.raises(FetchFailed, match="too long"):
            fetch(server.url, policy(server.port, seconds=0.5))

    def test_no_thread_is_left_behind(self) -> None:
        with serving(answering(b"x")) as server:
            before = {t for t in threading.enumerate() if isinstance(t, threading.Timer)}
            fetch(server.url, policy(server.port)).file.close()
        after = {t for t in threading.enumerate() if isinstance(t, threading.Timer)}
        assert after <= before


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for 127.0.0.1, vouched for by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + signed.public_bytes(Encoding.PEM)
    )
    return path


def over_tls(certificate: Path) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def behaviour(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            answering(b"secret")(secure)

    return behaviour


def test_certificates_are_checked(certificate: Path) -> None:
    server_of = serving(over_tls(certificate), reads_first=False)
    with server_of as server, pytest.raises(FetchFailed) as caught:
        fetch(f"https://127.0.0.1:{server.port}/", policy(server.port))
    causes = [caught.value.__cause__, getattr(caught.value.__cause__, "__context__", None)]
    assert any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in causes)


def test_a_certificate_that_is_vouched_for(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would pass where nothing can be fetched at all."""
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    with serving(over_tls(certificate), reads_first=False) as server:
        found = fetch(f"https://127.0.0.1:{server.port}/", policy(server.port))
    with found.file:
        assert found.file.read() == b"secret"


def test_networks_of_the_administrator() -> None:
    inside = FetchPolicy(max_bytes=1, networks=(ip_network("10.1.0.0/16"),))
    assert inside.allows(ip_address("10.1.2.3"))
    assert inside.allows(ip_address("::ffff:10.1.2.3"))
    assert not inside.allows(ip_address("10.2.0.1"))
    assert not inside.allows(ip_address("127.0.0.1"))


def test_paths_and_names_are_written_safely() -> None:
    target = read_target("https://bücher.example/ä b?q=ü#part".replace(" ", "%20"), STRICT)
    assert str(target) == "https://xn--bcher-kva.example/%C3%A4%20b?q=%C3%BC"


class TestSending:
    def test_what_arrives(self) -> None:
        with serving(answering(b"thanks", status="202 Accepted")) as server:
            answer = send(f"{server.url}/hook?a=b", policy(server.port))
        assert answer == Posted(202, "")
        asked = server.asked[0].decode()
        assert asked.startswith("POST /hook?a=b HTTP/1.1\r\n")
        assert "Content-Length: 7\r\n" in asked
        assert "X-Name: value\r\n" in asked

    @pytest.mark.parametrize("status", [204, 301, 307, 400, 410, 429, 500, 503])
    def test_any_status_is_an_answer(self, status: int) -> None:
        """And a redirect is not followed."""
        headers = ["Location: /again", "Retry-After: 7"]
        with serving(answering(b"", *headers, status=f"{status} X")) as server:
            assert send(server.url, policy(server.port)) == Posted(status, "7")
        assert len(server.asked) == 1

    def test_an_answer_that_breaks_off(self) -> None:
        with serving(answering(b"half", "Content-Length: 100")) as server:
            assert send(server.url, policy(server.port)).status == 200

    def test_a_head_that_never_ends(self) -> None:
        """When we cut it off ourselves, what came of it is no answer."""

        def dripping(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not server.stopping.wait(0.05):
                connection.sendall(b"x")

        with serving(dripping) as server, pytest.raises(FetchFailed, match="too long"):
            send(server.url, policy(server.port, seconds=0.5))

    def test_nobody_there(self) -> None:
        port = free_port()
        with pytest.raises(FetchFailed, match="could not be reached"):
            send(f"http://127.0.0.1:{port}/", policy(port))

    def test_certificates_are_checked(self, certificate: Path) -> None:
        server_of = serving(over_tls(certificate), reads_first=False)
        with server_of as server, pytest.raises(FetchFailed):
            send(f"https://127.0.0.1:{server.port}/", policy(server.port))
