"""Zips that are made while they are sent: one file after another, none of them kept."""

import logging
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED

from django.conf import settings
from django.db.models import Q
from django.db.models.fields.files import FieldFile
from zipstream import ZipStream

from images.models import Cutout, Image
from images.models.image import ImageQuerySet
from images.services.errors import Busy, NotNow, ServiceError
from images.services.names import safe_file_name
from images.services.render_specs import backdrop_reader
from images.services.rendering import render_cutout
from images.services.slots import hold, rendering
from images.services.storage import is_stored
from processing.errors import ProcessingError
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

PAGE = 50
CHUNK = 256 * 1024
# A download holds a thread of the web server for as long as it takes.
AT_ONCE = max(1, settings.WEB_THREADS // 4)
# Each try waits for a place as long as any request does. All of one cutout stay below a minute, in
# which a proxy would take the silence for the end; a server that is always busy is not waited for.
TRIES = 4
RETRIES_IN_ALL = 20
PAUSE = 3.0  # seconds
BUSY = "The server was too busy to make it. Try again later."
BROKEN = "Something went wrong on the server while making it."

Sent = Generator[bytes, None, str | None]


class DownloadRunning(NotNow):
    code = "download_running"
    message = "A download is running already. Please try again when it is finished."
    retry_after = 60


class StreamedZip:
    """The bytes of a zip for `owner`, to be iterated over once and then closed.

    Made one file at a time: what it needs of memory does not grow with the pictures but for some
    200 bytes each. What cannot be had is listed in missing.txt in the zip, and does not end it.
    Raises DownloadRunning if this person, or as many others as there is room for, have one.
    """

    def __init__(self, *, owner: "User") -> None:
        self.owner = owner
        places = [f"zip-{number}" for number in range(AT_ONCE)]
        try:
            held = hold([f"zip-of-{owner.pk}"], places)
        except Busy as error:
            raise DownloadRunning from error
        # Also when nobody closes it, since the place would stay taken until the process ends.
        self._let_go = weakref.finalize(self, held.close)
        self._sent: Generator[bytes, None, None] | None = None
        self._zip = ZipStream(compress_type=ZIP_STORED)
        self._names = Names()
        self._missing: list[str] = []
        self._retries = RETRIES_IN_ALL

    def __iter__(self) -> Iterator[bytes]:
        self._sent = self._all()
        return self._sent

    def close(self) -> None:
        """Closes the file that is being sent, too: the client may have gone in the middle."""
        if self._sent is not None:
            self._sent.close()
        self._let_go()

    def contents(self) -> Iterator[bytes]:
        """What the zip holds, but for missing.txt."""
        raise NotImplementedError

    def _all(self) -> Generator[bytes, None, None]:
        yield from self.contents()
        if self._missing:
            yield from self.add_text("missing.txt", "\n".join([*self._missing, ""]))
        yield from self._zip.finalize()

    def miss(self, name: str, reason: str) -> None:
        self._missing.append(f"{name}: {reason}")

    def name(self, folder: str, name: str) -> str:
        return self._names.take(folder, name)

    def add_text(self, name: str, text: str) -> Iterator[bytes]:
        yield from self.add_data(name, text.encode(), compress_type=ZIP_DEFLATED)

    def add_data(
        self, name: str, data: bytes | Iterator[bytes], *, compress_type: int = ZIP_STORED
    ) -> Iterator[bytes]:
        self._zip.add(data, name, compress_type=compress_type)
        yield from self._zip.file()

    def add_file(self, name: str, opened: Callable[[], AbstractContextManager[BinaryIO]]) -> Sent:
        """One stored file; returns its name, or None where there is nothing to read."""
        try:
            with opened() as file:
                yield from self.add_opened(name, file)
        except ServiceError as error:
            self.miss(name, error.message)
            return None
        return name

    def add_opened(self, name: str, file: BinaryIO) -> Iterator[bytes]:
        size = file.seek(0, 2)
        file.seek(0)
        self._zip.add(self._readable(file, name), name, size=size)
        yield from self._zip.file()

    def _readable(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """A disk that fails in the middle of a file ends the file, and not the zip."""
        try:
            yield from chunks(file)
        except OSError as error:
            self.miss(name, f"only its beginning could be read ({error.strerror}).")

    def render(
        self, name: str, cutout: Cutout, spec: RenderSpec
    ) -> tuple[bytes, tuple[int, int]] | None:
        """The output, kept nowhere, and its size in px; None if there is none, which is noted."""
        try:
            return self._rendered(cutout, spec)
        except Busy:
            self.miss(name, BUSY)
        except (ServiceError, ProcessingError) as error:
            self.miss(name, error.message)
        except Exception:
            logger.exception("Cutout %s could not be rendered for a zip", cutout.pk)
            self.miss(name, BROKEN)
        return None

    def _rendered(self, cutout: Cutout, spec: RenderSpec) -> tuple[bytes, tuple[int, int]]:
        """In one of the places for that. Raises Busy if none came free in all the tries."""
        backdrop = backdrop_reader(cutout, spec)
        tries = 0
        while True:
            tries += 1
            try:
                with rendering(f"{cutout.pk}:{spec}", owner=self.owner.pk):
                    return render_cutout(cutout=cutout, spec=spec, backdrop=backdrop)
            except Busy:
                if tries == TRIES or not self._retries:
                    raise
                self._retries -= 1
                time.sleep(PAUSE)


class Names:
    """Names in the zip that no file system takes for the same."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, folder: str, name: str) -> str:
        """`folder`/`name`, made harmless; with a number if there was one of that name.

        With an empty `folder` the name stands alone.
        """
        start = f"{folder}/" if folder else ""
        name = safe_file_name(name)
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        while (key := f"{start}{name}".casefold()) in self._taken:
            self._taken[key] += 1
            name = f"{stem} ({self._taken[key]}){dot}{ending}"
        self._taken[key] = 1
        return f"{start}{name}"


def oldest_first(images: ImageQuerySet) -> Iterator[Image]:
    """With their cutouts, a page at a time: what comes meanwhile comes last."""
    images = images.select_related("current_cutout").order_by("created_at", "pk")
    after = Q()
    while page := list(images.filter(after)[:PAGE]):
        for image in page:
            if image.current_cutout:
                image.current_cutout.image = image
            yield image
        last = page[-1]
        later = Q(created_at__gt=last.created_at) | Q(pk__gt=last.pk)
        after = Q(created_at__gte=last.created_at) & later  # where the index can begin


def find_stored(cutout: Cutout, spec: RenderSpec) -> tuple[FieldFile, tuple[int, int]] | None:
    """The file that holds this output already, and its size in px.

    spec: the shortest one for this picture (RenderSpec.for_size).
    """
    if cutout.result and spec == RenderSpec():
        return cutout.result, (cutout.image.width, cutout.image.height)
    made = cutout.renditions.filter(spec=str(spec)).first()
    return (made.file, (made.width, made.height)) if made and is_stored(made.file) else None


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
