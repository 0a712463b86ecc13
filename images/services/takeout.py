"""All of a person's data as one zip, made while it is sent."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED

from django.conf import settings
from django.db.models import Q
from django.db.models.fields.files import FieldFile
from zipstream import ZipStream

from images.models import Cutout, Image, Status
from images.services.errors import Busy, NotNow, ServiceError
from images.services.names import download_name, safe_file_name
from images.services.rendering import render_cutout
from images.services.slots import hold, rendering
from images.services.storage import is_stored, open_file
from images.services.takeout_records import describe_cutout, describe_image, describe_person
from processing.errors import ProcessingError
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

PAGE = 50
CHUNK = 256 * 1024
# A download holds a thread of the web server for as long as it takes.
AT_ONCE = max(1, settings.WEB_THREADS // 4)
# Each try waits for a place as long as any request does. All of one cutout stay below a minute, in
# which a proxy would take the silence for the end; a server that is always busy is not waited for.
TRIES = 4
RETRIES_IN_ALL = 20
PAUSE = 3.0  # seconds
CUTOUT = RenderSpec()  # PNG, whole size, transparent

README = """Everything that Clearcut keeps about {email}.

originals/    pictures as they were sent
cutouts/      the current cutout of each, as PNG
mattes/       the soft masks of all finished cutouts, and edges/ with the colours along them
results/      earlier cutouts that were kept in place of an original that had to go
images.json   what is known about each picture, and which files belong to it
account.json  the account, with its API tokens (never their keys), public links and sessions
missing.txt   files that are not here, and why; if there is no such file, none is missing
"""


class TakeoutRunning(NotNow):
    code = "takeout_running"
    message = "A download is running already. Please try again when it is finished."
    retry_after = 60


class Takeout:
    """The bytes of the zip of `owner`, to be iterated over once and then closed.

    Made one file at a time: what it needs of memory does not grow with the pictures but for some
    200 bytes each. A file that is missing is listed in the zip, and does not end it.
    Raises TakeoutRunning if this person, or as many others as there is room for, have one.
    """

    def __init__(self, *, owner: "User") -> None:
        self.owner = owner
        places = [f"takeout-{number}" for number in range(AT_ONCE)]
        try:
            self._held = hold([f"takeout-of-{owner.pk}"], places)
        except Busy as error:
            raise TakeoutRunning from error
        self._zip = ZipStream(compress_type=ZIP_STORED)
        self._names = Names()
        self._missing: list[str] = []
        self._retries = RETRIES_IN_ALL

    def close(self) -> None:
        self._held.close()

    def __iter__(self) -> Iterator[bytes]:
        with TemporaryFile(dir=settings.DATA_DIR) as records:
            yield from self._text("README.txt", README.format(email=self.owner.email))
            yield from self._text("account.json", _as_json(describe_person(owner=self.owner)))
            yield from self._pictures(records)
            records.seek(0)
            self._zip.add(_chunks(records), "images.json", compress_type=ZIP_DEFLATED)
            yield from self._zip.all_files()
            if self._missing:
                yield from self._text("missing.txt", "\n".join([*self._missing, ""]))
            yield from self._zip.finalize()

    def _text(self, name: str, text: str) -> Iterator[bytes]:
        self._zip.add(text.encode(), name, compress_type=ZIP_DEFLATED)
        yield from self._zip.file()

    def _pictures(self, records: IO[bytes]) -> Iterator[bytes]:
        records.write(b"[")
        for number, image in enumerate(_all_images(self.owner)):
            record = describe_image(image=image)
            yield from self._picture(image, record)
            records.write(b",\n" if number else b"\n")
            records.write(_as_json(record).encode())
        records.write(b"\n]\n")

    def _picture(self, image: Image, record: dict[str, object]) -> Iterator[bytes]:
        """The files of one picture; their names in the zip are added to `record`."""
        if image.original:
            name = self._names.take("originals", image.original_name)
            record["file"] = yield from self._file(name, partial(open_file, image.original))
        if image.current_cutout:
            record["cutout"] = yield from self._cutout(image, image.current_cutout)
        record["cutouts"] = versions = []
        for cutout in image.cutouts.all():
            version = describe_cutout(cutout=cutout)
            for folder, file in _files_of(cutout, is_current=cutout == image.current_cutout):
                name = self._names.take(folder, download_name(image, _ending(file)))
                version[folder] = yield from self._file(name, partial(open_file, file))
            versions.append(version)

    def _file(
        self, name: str, opened: Callable[[], AbstractContextManager[BinaryIO]]
    ) -> Generator[bytes, None, str | None]:
        """One stored file; returns its name, or None where there is nothing to read."""
        try:
            with opened() as file:
                size = file.seek(0, 2)
                file.seek(0)
                self._zip.add(self._readable(file, name), name, size=size)
                yield from self._zip.file()
        except ServiceError as error:
            self._missing.append(f"{name}: {error.message}")
            return None
        return name

    def _readable(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """A disk that fails in the middle of a file ends the file, and not the zip."""
        try:
            yield from _chunks(file)
        except OSError as error:
            self._missing.append(f"{name}: only its beginning could be read ({error.strerror}).")

    def _cutout(self, image: Image, cutout: Cutout) -> Generator[bytes, None, str | None]:
        """As PNG, whole: stored already, or else made now."""
        name = self._names.take("cutouts", download_name(image, "png"))
        if stored := _stored_cutout(cutout):
            return (yield from self._file(name, partial(open_file, stored)))
        return (yield from self._rendered(name, cutout))

    def _rendered(self, name: str, cutout: Cutout) -> Generator[bytes, None, str | None]:
        """The cutout as PNG, kept nowhere."""
        try:
            data = self._render(cutout)
        except Busy:
            self._missing.append(f"{name}: The server was too busy to make it. Try again later.")
            return None
        except (ServiceError, ProcessingError) as error:
            self._missing.append(f"{name}: {error.message}")
            return None
        self._zip.add(data, name)
        yield from self._zip.file()
        return name

    def _render(self, cutout: Cutout) -> bytes:
        """In one of the places for that. Raises Busy if none came free in all the tries."""
        for tries in range(1, TRIES + 1):
            try:
                with rendering(f"takeout:{cutout.pk}", owner=self.owner.pk):
                    return render_cutout(cutout=cutout, spec=CUTOUT)[0]
            except Busy:
                if tries == TRIES or not self._retries:
                    raise
                self._retries -= 1
                time.sleep(PAUSE)
        raise Busy


class Names:
    """Names in the zip that no file system takes for the same."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, folder: str, name: str) -> str:
        """`folder`/`name`, made harmless; with a number if there was one of that name."""
        name = safe_file_name(name)
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        while (key := f"{folder}/{name}".casefold()) in self._taken:
            self._taken[key] += 1
            name = f"{stem} ({self._taken[key]}){dot}{ending}"
        self._taken[key] = 1
        return f"{folder}/{name}"


def _all_images(owner: "User") -> Iterator[Image]:
    """Oldest first, a page at a time: what comes meanwhile comes last."""
    images = Image.objects.visible_to(owner).select_related("current_cutout")
    images = images.prefetch_related("cutouts").order_by("created_at", "pk")
    after = Q()
    while page := list(images.filter(after)[:PAGE]):
        for image in page:
            if image.current_cutout:
                image.current_cutout.image = image
            yield image
        last = page[-1]
        after = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)


def _stored_cutout(cutout: Cutout) -> FieldFile | None:
    if cutout.result:
        return cutout.result
    spec = CUTOUT.for_size((cutout.image.width, cutout.image.height))
    made = cutout.renditions.filter(spec=str(spec)).first()
    return made.file if made and is_stored(made.file) else None


def _files_of(cutout: Cutout, *, is_current: bool) -> list[tuple[str, FieldFile]]:
    """A result that is current is among the cutouts already."""
    if cutout.status != Status.DONE:
        return []
    files = [("mattes", cutout.matte), ("edges", cutout.edges)]
    if not is_current:
        files.append(("results", cutout.result))
    return [(folder, file) for folder, file in files if file]


def _ending(file: FieldFile) -> str:
    return (file.name or "").rpartition(".")[2]


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _as_json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, default=str)
