"""Finished pictures as one zip, each rendered as asked while the zip is sent."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from images.models import Cutout, Image, Status
from images.models.image import ImageQuerySet
from images.services.errors import CutoutNotReady, FileLost, ServiceError
from images.services.names import without_ending
from images.services.storage import open_file
from images.services.zips import StreamedZip, find_stored, oldest_first
from processing.errors import InvalidSpec
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

PLACEHOLDERS = ("name", "preset", "index", "id", "width", "height", "title")
MAX_PATTERN_LENGTH = 200
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class NothingToArchive(ServiceError):
    """Where there are pictures, but none of them is finished, a zip says of each why not."""

    code = "nothing_to_archive"
    message = "There are no such pictures of yours, so there is nothing to put into a zip."


@dataclass(frozen=True, slots=True)
class NamePattern:
    """How files in an archive are called: text with PLACEHOLDERS in braces."""

    text: str = "{name}"
    preset: str = ""

    @classmethod
    def parse(cls, text: str, *, preset: str = "") -> Self:
        """Blank text means the original's name. Raises InvalidSpec (parameter "names")."""
        if len(text) > MAX_PATTERN_LENGTH:
            raise InvalidSpec("names", f"names: at most {MAX_PATTERN_LENGTH} characters.")
        unknown = [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]
        if unknown or re.search("[{}]", _PLACEHOLDER.sub("", text)):
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise InvalidSpec("names", f"names: only {known} may stand in braces.")
        if "{preset}" in text and not preset:
            raise InvalidSpec("names", "names: {preset} needs the parameter preset.")
        return cls(text.strip() or cls().text, preset)

    def name_for(self, image: Image, *, index: str, size: tuple[int, int]) -> str:
        """Without an ending, and not made safe for file systems yet."""
        name = without_ending(image.original_name)
        values = {
            "name": name,
            "preset": self.preset,
            "index": index,
            "id": str(image.pk),
            "width": str(size[0]),
            "height": str(size[1]),
            "title": image.title or name,
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.text).strip(" .") or "picture"


class Archive(StreamedZip):
    """The current cutouts of `images`, oldest first, as `spec` asks for them; see StreamedZip.

    What is stored already is sent from there. What is not is rendered and kept nowhere: an archive
    would push everything else out of the cache.
    """

    def __init__(
        self, *, owner: "User", images: ImageQuerySet, spec: RenderSpec, names: NamePattern
    ) -> None:
        super().__init__(owner=owner)
        self._images = images.select_related("latest_cutout")
        self._spec = spec
        self._pattern = names

    def contents(self) -> Iterator[bytes]:
        digits = len(str(self._images.count()))
        for number, image in enumerate(oldest_first(self._images), start=1):
            yield from self._picture(image, f"{number:0{digits}}")

    def _picture(self, image: Image, index: str) -> Iterator[bytes]:
        cutout = image.current_cutout
        if cutout is None:
            self.miss(image.original_name, _why_not(image.latest_cutout))
            return
        try:
            spec = self._spec.for_size((image.width, image.height))
        except InvalidSpec as error:
            self.miss(image.original_name, error.message)
            return
        with ExitStack() as opened:
            try:
                stored = find_stored(cutout, spec)
                file = stored and opened.enter_context(open_file(stored[0]))
            except FileLost:  # thrown out of the cache at this very moment
                stored = file = None
            if stored and file:
                yield from self.add_opened(self._name(image, index, stored[1]), file)
                return
        if rendered := self.render(image.original_name, cutout, spec):
            data, size = rendered
            yield from self.add_data(self._name(image, index, size), data)

    def _name(self, image: Image, index: str, size: tuple[int, int]) -> str:
        """Known only now: the size in px of some outputs is that of the subject."""
        name = self._pattern.name_for(image, index=index, size=size)
        return self.name("", f"{name}.{self._spec.extension}")


def _why_not(latest: Cutout | None) -> str:
    if latest is not None and latest.status == Status.FAILED:
        return latest.error_message or "It could not be cut out."
    return CutoutNotReady.message
