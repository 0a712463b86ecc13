"""All of a person's data as one zip, made while it is sent."""

import json
from collections.abc import Iterator
from functools import partial
from tempfile import TemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED

from django.conf import settings
from django.db.models.fields.files import FieldFile

from images.models import Backdrop, Cutout, Image, Status
from images.services.names import download_name
from images.services.storage import open_file
from images.services.takeout_records import (
    describe_backdrop,
    describe_cutout,
    describe_image,
    describe_person,
)
from images.services.zips import Sent, StreamedZip, chunks, find_stored, oldest_first
from processing.spec import RenderSpec

CUTOUT = RenderSpec()  # PNG, whole size, transparent

README = """Everything that Clearcut keeps about {email}.

originals/    pictures as they were sent
cutouts/      the current cutout of each, as PNG
mattes/       the soft masks of all finished cutouts, and edges/ with the colours along them
sent-mattes/  edited mattes that did not become a cutout, or have not yet
results/      earlier cutouts that were kept in place of an original that had to go
images.json   what is known about each picture, and which files belong to it
backdrops/    pictures to put behind subjects, and backdrops.json with what is known about them
account.json  the account, with its API tokens (never their keys), public links and sessions,
              batches, presets, and webhooks (never their secrets)
missing.txt   files that are not here, and why; if there is no such file, none is missing
"""


class Takeout(StreamedZip):
    """All data of its owner; see StreamedZip."""

    def contents(self) -> Iterator[bytes]:
        with TemporaryFile(dir=settings.DATA_DIR) as records:
            yield from self.add_text("README.txt", README.format(email=self.owner.email))
            person = _as_json(describe_person(owner=self.owner))
            yield from self.add_text("account.json", person)
            yield from self._pictures(records)
            records.seek(0)
            yield from self.add_data("images.json", chunks(records), compress_type=ZIP_DEFLATED)
        yield from self._backdrops()

    def _backdrops(self) -> Iterator[bytes]:
        records = []
        for backdrop in Backdrop.objects.visible_to(self.owner).order_by("created_at", "pk"):
            record = describe_backdrop(backdrop=backdrop)
            name = self.name("backdrops", backdrop.name)
            record["file"] = yield from self.add_file(name, partial(open_file, backdrop.file))
            records.append(record)
        yield from self.add_text("backdrops.json", _as_json(records))

    def _pictures(self, records: IO[bytes]) -> Iterator[bytes]:
        images = Image.objects.visible_to(self.owner).prefetch_related("cutouts", "tags")
        records.write(b"[")
        for number, image in enumerate(oldest_first(images)):
            record = describe_image(image=image)
            yield from self._picture(image, record)
            records.write(b",\n" if number else b"\n")
            records.write(_as_json(record).encode())
        records.write(b"\n]\n")

    def _picture(self, image: Image, record: dict[str, object]) -> Iterator[bytes]:
        """The files of one picture; their names in the zip are added to `record`."""
        if image.original:
            name = self.name("originals", image.original_name)
            record["file"] = yield from self.add_file(name, partial(open_file, image.original))
        if image.current_cutout:
            record["cutout"] = yield from self._cutout(image, image.current_cutout)
        record["cutouts"] = versions = []
        for cutout in image.cutouts.all():
            version = describe_cutout(cutout=cutout)
            for folder, file in _files_of(cutout, is_current=cutout == image.current_cutout):
                name = self.name(folder, download_name(image, _ending(file)))
                version[folder] = yield from self.add_file(name, partial(open_file, file))
            versions.append(version)

    def _cutout(self, image: Image, cutout: Cutout) -> Sent:
        """As PNG, whole: stored already, or else made now."""
        name = self.name("cutouts", download_name(image, "png"))
        stored = find_stored(cutout, CUTOUT.for_size((image.width, image.height)))
        if stored is not None:
            return (yield from self.add_file(name, partial(open_file, stored[0])))
        rendered = self.render(name, cutout, CUTOUT)
        if rendered is None:
            return None
        yield from self.add_data(name, rendered[0])
        return name


def _files_of(cutout: Cutout, *, is_current: bool) -> list[tuple[str, FieldFile]]:
    """A result that is current is among the cutouts already."""
    if cutout.status != Status.DONE:
        return [("sent-mattes", cutout.sent_matte)] if cutout.sent_matte else []
    files = [("mattes", cutout.matte), ("edges", cutout.edges)]
    if not is_current:
        files.append(("results", cutout.result))
    return [(folder, file) for folder, file in files if file]


def _ending(file: FieldFile) -> str:
    return (file.name or "").rpartition(".")[2]


def _as_json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, default=str)
