"""How quick the admin site is with 100,000 pictures: python -m scripts.bench.admin

Fills a database of its own and asks for every list and the first page, in this process: what is
measured is Django and the database, not the network. With DATABASE_URL set it uses that database,
which must be empty.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

REPEAT = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearcut-bench-") as folder:
        prepare(Path(folder))
        measure(options.pictures, options.people)


def prepare(folder: Path) -> None:
    os.environ["DATA_DIR"] = str(folder)
    os.environ["MEDIA_ROOT"] = str(folder / "media")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def measure(pictures: int, people: int) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from scripts.bench.rows import fill

    began = time.perf_counter()
    admin = fill(pictures=pictures, people=people)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as databases do by themselves after a while
    print(f"{pictures:,} pictures, made in {time.perf_counter() - began:.0f} s; ", end="")
    print(f"{connection.vendor}, {REPEAT} times each\n")
    client = Client()
    client.force_login(admin)
    print("| page | median, ms | longest, ms | in the database, ms | queries |")
    print("|---|---|---|---|---|")
    for name, address in pages():
        ask(client, address)
        times = [ask(client, address) for _ in range(REPEAT)]
        with CaptureQueriesContext(connection) as queries:
            ask(client, address)
        spent = sum(float(query["time"]) for query in queries) * 1000
        median, longest = statistics.median(times), max(times)
        print(f"| {name} | {median:.0f} | {longest:.0f} | {spent:.0f} | {len(queries)} |")
        if os.environ.get("EXPLAIN"):
            for query in sorted(queries, key=lambda query: -float(query["time"]))[:2]:
                print(query["time"], query["sql"][:1500])


def ask(client: "Client", address: str) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    response = client.get(address)
    spent = (time.perf_counter() - began) * 1000
    assert response.status_code == 200, (address, response.status_code)
    return spent


def pages() -> Iterator[tuple[str, str]]:
    from accounts.models import User
    from images.models import Cutout, Image

    person = User.objects.get(email="person0@example.com")
    image, cutout = Image.objects.latest("created_at"), Cutout.objects.latest("created_at")
    yield "first page", "/admin/"
    yield "pictures", "/admin/images/image/"
    yield "pictures, page 200", "/admin/images/image/?p=200"
    yield "pictures that failed", "/admin/images/image/?state=failed"
    yield "pictures that are done", "/admin/images/image/?state=done"
    yield "pictures of one person", f"/admin/images/image/?owner={person.pk}"
    yield "pictures in the trash", "/admin/images/image/?trash=yes"
    yield "pictures, a name", "/admin/images/image/?q=IMG_0001"
    yield "pictures, no such name", "/admin/images/image/?q=nothing"
    yield "pictures, an address", "/admin/images/image/?q=person7@"
    yield "pictures, an identifier", f"/admin/images/image/?q={image.pk}"
    yield "one picture", f"/admin/images/image/{image.pk}/change/"
    yield "cutouts", "/admin/images/cutout/"
    yield "cutouts, page 200", "/admin/images/cutout/?p=200"
    yield "cutouts that failed", "/admin/images/cutout/?status__exact=failed"
    yield (
        "cutouts, one code, a week",
        ("/admin/images/cutout/?status__exact=failed&error_code=nothing_found&finished=week"),
    )
    yield "cutouts that wait", "/admin/images/cutout/?status__exact=queued"
    yield "cutouts judged bad", "/admin/images/cutout/?rating=down"
    yield "cutouts of one person", f"/admin/images/cutout/?owner={person.pk}"
    yield "cutouts, a name", "/admin/images/cutout/?q=IMG_0001"
    yield "cutouts, an identifier", f"/admin/images/cutout/?q={cutout.pk}"
    yield "one cutout", f"/admin/images/cutout/{cutout.pk}/change/"
    yield "queue and workers", "/admin/images/workerprocess/"
    yield "users", "/admin/accounts/user/"
    yield "users, most pictures first", "/admin/accounts/user/?o=-9"
    yield "one user", f"/admin/accounts/user/{person.pk}/change/"
    yield "API tokens", "/admin/accounts/apitoken/"
    yield "sessions", "/admin/usersessions/usersession/"
    yield "invitations", "/admin/accounts/invitation/"
    yield "log entries", "/admin/admin/logentry/"


if __name__ == "__main__":
    main()
