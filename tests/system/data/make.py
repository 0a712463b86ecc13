"""Fill an installation of an older version with a little of everything, and pack its data.

    .venv/bin/python -m tests.system.data.make CHECKOUT ARCHIVE.zip

README.md beside this file says when and how.
"""

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from tests.system.application import as_from_a_terminal, free_port, wait_until

PERSON, PASSWORD = "old.hand@example.com", "a calm green harbour 17"
ADMIN = "admin@example.com"
PYTHON = ".venv/bin/python"


def main(checkout: Path, archive: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": name,
            "PORT": str(port),
            "DATA_DIR": f"{name}/data",
            "MEDIA_ROOT": f"{name}/media",
            "MODEL_DIR": str(Path("var/models").resolve()),
        }
        process = subprocess.Popen(
            [PYTHON, "scripts/run.py"],
            cwd=checkout,
            env=environment,
            preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread of ours matters to it
        )
        try:
            url = f"http://localhost:{port}"
            wait_until(lambda: is_ready(url), 240, "ready")
            known = fill(checkout, environment, url)
        finally:
            process.terminate()
            process.wait(60)
        scrub(folder / "data" / "db.sqlite3")
        pack(folder, known, archive)


def is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def fill(checkout: Path, environment: dict[str, str], url: str) -> dict[str, Any]:
    """People, a key, pictures in every state that lasts; what the test needs to know of them."""

    def manage(*arguments: str) -> str:
        command = [PYTHON, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    make_person = (
        "from accounts.models import User\n"
        f"User.objects.create_user({PERSON!r}, {PASSWORD!r})\n"
        f"User.objects.create_superuser({ADMIN!r}, {PASSWORD!r})"
    )
    manage("shell", "-v0", "-c", make_person)
    key = manage("issue_token", PERSON)
    http = requests.Session()
    http.headers["Authorization"] = f"Token {key}"
    kept = [upload(http, url, f"disc-{size}.png", disc(size)) for size in (96, 128)]
    trashed = upload(http, url, "trashed.png", disc(64))
    http.delete(f"{url}/api/v1/images/{trashed['id']}/", timeout=60).raise_for_status()
    empty = upload(http, url, "empty.png", Image.new("RGB", (64, 64), "white"))
    assert empty["cutout"]["status"] == "failed", empty
    rendition = http.get(f"{url}/api/v1/cutouts/{kept[0]['latest_cutout']}/rendition/", timeout=60)
    rendition.raise_for_status()
    return {
        "email": PERSON,
        "admin": ADMIN,
        "password": PASSWORD,
        "key": key,
        "kept": [one["id"] for one in kept],
        "trashed": trashed["id"],
        "failed": empty["id"],
        "bytes": sum(one["byte_size"] for one in (*kept, trashed, empty)),
    }


def disc(size: int) -> Image.Image:
    picture = Image.new("RGB", (size, size), (225, 230, 235))
    box = (size // 4, size // 4, 3 * size // 4, 3 * size // 4)
    ImageDraw.Draw(picture).ellipse(box, fill=(200, 40, 30))
    return picture


def upload(http: requests.Session, url: str, name: str, picture: Image.Image) -> dict[str, Any]:
    """What the API says of it once its cutout is done or failed."""
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    answer = http.post(
        f"{url}/api/v1/images/",
        files={"file": (name, buffer.getvalue())},
        headers={"Prefer": "wait=30"},
        timeout=60,
    )
    answer.raise_for_status()
    image: dict[str, Any] = answer.json()
    return image


def scrub(database: Path) -> None:
    """Without the name of the machine, and in one file."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE images_cutout SET worker = 'host/1:1:1' WHERE worker <> ''")
        connection.execute("DELETE FROM images_workerprocess")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def pack(folder: Path, known: dict[str, Any], archive: Path) -> None:
    left_out = {"static", "cache", "stamps", "run", "locks", "uploads", "run.lock"}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("known.json", json.dumps(known, indent=2))
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if (
                path.is_file()
                and name.parts[0] in {"data", "media"}
                and not left_out & set(name.parts)
            ):
                packed.write(path, str(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
