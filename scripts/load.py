"""Many clients at once, asking for what people and programs ask for, for some minutes.

    .venv/bin/python -m scripts.load                              # 16 clients, two minutes
    .venv/bin/python -m scripts.load --clients 32 --seconds 600
    .venv/bin/python -m scripts.load --url http://localhost:8000 --key KEY

Without an address it starts a Clearcut of its own (`make run`, in a folder of its own) and watches
its memory, too. It only ever asks this machine. It ends with an error unless

- every answer was 200, 201 or 202, or a well-formed 429 or 503 with Retry-After;
- every upload that was accepted ended, as done or failed;
- /healthz answered within a second, 19 times out of 20, and pages within two;
- the memory of all processes together grew by no more than 15 % from the first third to the last.
"""

import argparse
import json
import random
import re
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from config.environment import env_path
from scripts.bench.pictures import Picture, make_pictures
from tests.system.application import Application

PEOPLE = [f"load{number}@example.com" for number in range(4)]
PASSWORD = "a calm green harbour 17"  # noqa: S105 - of people who last for minutes
GENEROUS = dict.fromkeys(("API_RATE", "UPLOAD_RATE", "ANONYMOUS_RATE"), "1000000/min")
ACCEPTED, PASSING = (200, 201, 202), (429, 503)
MAX_UNDER_WAY = 3  # uploads of one client that nobody waits for
THINKING_SECONDS = 0.4
DRAIN_SECONDS = 600
HEALTH_P95, PAGES_P95 = 1.0, 2.0
GROWTH = 1.15
RENDITIONS = ("", "?format=webp&max_side=800", "?format=jpeg&background=white", "?shadow=drop")
# One picture is sent so often to /v1.0/removebg while the answer is "come back later".
MAX_TRIES = 6
# How often each kind is asked for.
MIX = {
    "removebg": 3,
    "upload": 3,
    "upload, waiting": 2,
    "list": 4,
    "cutout": 4,
    "rendition": 4,
    "page": 4,
    "health": 2,
    "account": 1,
}


@dataclass
class Record:
    """What all clients saw; guarded by its lock."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    # The key with which each accepted upload can be looked at.
    accepted: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, seconds: float, answer: requests.Response) -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            self.statuses.setdefault(kind, Counter())[answer.status_code] += 1
            if fault := fault_of(answer):
                self.faults.append(f"{kind}: {fault}")

    def p95(self, kind: str) -> float:
        return percentile(self.seconds.get(kind, []), 95)


def fault_of(answer: requests.Response) -> str:
    """What is wrong with an answer; nothing, mostly."""
    if answer.status_code in ACCEPTED:
        return ""
    if answer.status_code not in PASSING:
        return f"{answer.status_code} {answer.text[:200]}"
    if not answer.headers.get("Retry-After", "").isdigit():
        return f"{answer.status_code} without Retry-After"
    try:
        answer.json()["errors"][0]["code"]
    except (ValueError, LookupError, TypeError):
        return f"{answer.status_code} whose body is no error: {answer.text[:200]}"
    return ""


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


class Client(threading.Thread):
    """One person or program, who does one thing after the other."""

    def __init__(
        self, number: int, url: str, key: str, pictures: list[Picture], record: Record
    ) -> None:
        super().__init__(daemon=True)
        self.url, self.key, self.pictures = url, key, pictures
        self.record, self.end = record, 0.0
        self.random = random.Random(number)  # noqa: S311 - no secret hangs on it
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Token {key}"
        self.browser = requests.Session()
        self.pages = ["/", "/accounts/login/", "/api/docs/"]
        self.under_way: list[str] = []
        self.done: list[str] = []

    def sign_in(self, email: str) -> None:
        """So that its pages are those of somebody with pictures."""
        address = f"{self.url}/accounts/login/"
        page = self.browser.get(address, timeout=30)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text
        form = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        self.browser.post(address, data=form, timeout=30).raise_for_status()
        self.pages = ["/workspace/", "/images/", "/account/"]

    def run(self) -> None:
        kinds, weights = list(MIX), list(MIX.values())
        while time.monotonic() < self.end:
            (kind,) = self.random.choices(kinds, weights)
            try:
                self.act(kind)
            except requests.RequestException as error:
                with self.record.lock:
                    self.record.faults.append(f"{kind}: no answer ({type(error).__name__})")
            time.sleep(self.random.uniform(0, THINKING_SECONDS))

    def act(self, kind: str) -> None:
        acts: dict[str, Callable[[], None]] = {
            "removebg": self.removebg,
            "upload": self.upload,
            "upload, waiting": lambda: self.upload(wait=20),
            "list": lambda: self.get(kind, "/api/v1/images/?page_size=50"),
            "cutout": self.look,
            "rendition": self.rendition,
            "page": lambda: self.get(kind, self.random.choice(self.pages), self.browser),
            "health": lambda: self.get(kind, "/healthz"),
            "account": lambda: self.get(kind, "/api/v1/account/"),
        }
        acts[kind]()

    def ask(self, kind: str, send: Callable[[], requests.Response]) -> requests.Response:
        began = time.perf_counter()
        answer = send()
        self.record.add(kind, time.perf_counter() - began, answer)
        if answer.status_code in PASSING:
            time.sleep(min(2.0, float(answer.headers.get("Retry-After", "1"))))
        return answer

    def get(self, kind: str, path: str, http: requests.Session | None = None) -> None:
        self.ask(kind, lambda: (http or self.http).get(self.url + path, timeout=60))

    def removebg(self) -> None:
        files = {"image_file": self.picture()}
        data = {"size": self.random.choice(["preview", "auto"])}
        address = f"{self.url}/v1.0/removebg"
        for _ in range(MAX_TRIES):  # as the guide to moving tells programs
            answer = self.ask(
                "removebg", lambda: self.http.post(address, data=data, files=files, timeout=60)
            )
            if answer.status_code not in PASSING:
                break

    def upload(self, wait: int = 0) -> None:
        if not wait and len(self.under_way) >= MAX_UNDER_WAY:
            return self.look()
        kind, headers = ("upload, waiting", {"Prefer": f"wait={wait}"}) if wait else ("upload", {})
        address, files = f"{self.url}/api/v1/images/", {"file": self.picture()}
        answer = self.ask(
            kind, lambda: self.http.post(address, files=files, headers=headers, timeout=90)
        )
        if answer.status_code == 201:
            identifier = answer.json()["latest_cutout"]
            self.under_way.append(identifier)
            with self.record.lock:
                self.record.accepted[identifier] = self.key
        return None

    def look(self) -> None:
        """At an upload of one's own, as pages and programs do until it is done."""
        if not self.under_way:
            return self.get("account", "/api/v1/account/")
        identifier = self.under_way[0]
        address = f"{self.url}/api/v1/cutouts/{identifier}/"
        answer = self.ask("cutout", lambda: self.http.get(address, timeout=60))
        if answer.status_code == 200 and answer.json()["status"] in ("done", "failed"):
            self.under_way.remove(identifier)
            if answer.json()["status"] == "done":
                self.done.append(identifier)
        return None

    def rendition(self) -> None:
        if not self.done:
            return self.look()
        identifier, query = self.random.choice(self.done), self.random.choice(RENDITIONS)
        return self.get("rendition", f"/api/v1/cutouts/{identifier}/rendition/{query}")

    def picture(self) -> tuple[str, bytes]:
        """A JPEG that nobody has sent before: a comment makes it another file."""
        picture = self.random.choice(self.pictures)
        comment = b"\xff\xfe\x00\x12" + secrets.token_bytes(16)
        return picture.name, picture.content[:2] + comment + picture.content[2:]


class Memory(threading.Thread):
    """Samples of the memory of all processes together, in bytes."""

    def __init__(self, application: Application) -> None:
        super().__init__(daemon=True)
        self.application = application
        self.samples: list[int] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(1):
            self.samples.append(self.application.memory())

    @property
    def thirds(self) -> tuple[float, float]:
        """Medians of the first and the last third."""
        third = max(1, len(self.samples) // 3)
        return statistics.median(self.samples[:third]), statistics.median(self.samples[-third:])


def main() -> int:
    options = parse_options()
    pictures = make_pictures(options.megapixels, None)
    record = Record()
    with ExitStack() as stack:
        application = None if options.url else start_application(stack)
        url = options.url.rstrip("/") if application is None else application.url
        refuse_others(url)
        keys = [options.key] if application is None else make_people(application)
        clients = [
            Client(number, url, keys[number % len(keys)], pictures, record)
            for number in range(options.clients)
        ]
        if application is not None:
            warm_up(clients)
        memory = run_for(options.seconds, clients, application)
        lost = drain(url, record.accepted)
        faults = judge(record, lost, memory)
        if application is not None:
            application.stop()
    print(table(record))
    if memory is not None:
        first, last = (f"{value / 1e6:.0f} MB" for value in memory.thirds)
        print(f"\nmemory: {first} in the first third, {last} in the last")
    print(f"uploads accepted: {len(record.accepted)}, lost: {len(lost)}")
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if faults else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--megapixels", type=float, default=1.0, help="of each picture")
    parser.add_argument("--url", default="", help="of a Clearcut that runs on this machine")
    parser.add_argument("--key", default="", help="an API key of it")
    options = parser.parse_args()
    if bool(options.url) != bool(options.key):
        parser.error("--url and --key belong together")
    return options


def refuse_others(url: str) -> None:
    """Nobody else's server is put under load."""
    host = urlsplit(url).hostname or ""
    addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    if not all(ip_address(address).is_loopback for address in addresses):
        raise SystemExit(f"{host} is not this machine.")


def start_application(stack: ExitStack) -> Application:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    application = Application(folder, env_path("MODEL_DIR", "var/models"), settings=GENEROUS)
    stack.callback(application.kill)
    print("Starting Clearcut ...", flush=True)
    application.start()
    return application


def make_people(application: Application) -> list[str]:
    """The keys of some people: one alone never gets all places."""
    for email in PEOPLE:
        application.create_user(email, PASSWORD)
    return [application.issue_token(email) for email in PEOPLE]


def warm_up(clients: list[Client]) -> None:
    """Weights are loaded and every page has been made once before anything is measured."""
    for number, client in enumerate(clients):
        client.sign_in(PEOPLE[number % len(PEOPLE)])
    first = clients[0]
    for _ in range(3):
        first.upload(wait=60)
        first.look()
    for query in RENDITIONS:
        first.http.get(f"{first.url}/api/v1/cutouts/{first.done[0]}/rendition/{query}", timeout=60)
    for page in first.pages:
        first.browser.get(first.url + page, timeout=60)
    first.record.seconds.clear()
    first.record.statuses.clear()


def run_for(
    seconds: float, clients: list[Client], application: Application | None
) -> Memory | None:
    print(f"{len(clients)} clients, {seconds:g} s ...", flush=True)
    memory = None if application is None else Memory(application)
    if memory is not None:
        memory.start()
    for client in clients:
        client.end = time.monotonic() + seconds
        client.start()
    for client in clients:
        client.join()
    if memory is not None:
        memory.over.set()
        memory.join()
    return memory


def drain(url: str, accepted: dict[str, str]) -> set[str]:
    """The uploads that have not ended when nothing is done any more, or after ten minutes."""
    left, end = set(accepted), time.monotonic() + DRAIN_SECONDS
    with requests.Session() as http:
        while left and time.monotonic() < end:
            for identifier in sorted(left):
                headers = {"Authorization": f"Token {accepted[identifier]}"}
                address = f"{url}/api/v1/cutouts/{identifier}/"
                answer = http.get(address, headers=headers, timeout=60)
                if answer.status_code == 200 and answer.json()["status"] in ("done", "failed"):
                    left.discard(identifier)
            time.sleep(0.5)
    return left


def judge(record: Record, lost: set[str], memory: Memory | None) -> list[str]:
    faults = [f"{text} ({count} times)" for text, count in Counter(record.faults).items()]
    if lost:
        faults.append(f"{len(lost)} accepted uploads never ended")
    for kind, limit in (("health", HEALTH_P95), ("page", PAGES_P95)):
        if record.p95(kind) > limit:
            faults.append(f"{kind}: p95 is {record.p95(kind):.2f} s, more than {limit:g} s")
    if memory is not None and memory.thirds[1] > GROWTH * memory.thirds[0]:
        faults.append("memory has grown")
    return faults


def table(record: Record) -> str:
    lines = ["| kind | requests | statuses | median, ms | p95, ms | longest, ms |"]
    lines.append("|---|---|---|---|---|---|")
    for kind in MIX:
        seconds = record.seconds.get(kind, [])
        if seconds:
            figures = (statistics.median(seconds), record.p95(kind), max(seconds))
            times = " | ".join(f"{1000 * value:.0f}" for value in figures)
            statuses = json.dumps(dict(sorted(record.statuses[kind].items())))
            told: Any = re.sub(r'["{}]', "", statuses)
            lines.append(f"| {kind} | {len(seconds)} | {told} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
