"""Finished pictures as one zip: names, what is missing, and what it takes."""

import random
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.conf import settings
from PIL import Image as Pixels

from accounts.models import User
from images.models import Cutout, Image, Rendition, Status
from images.services.archives import Archive, NamePattern
from images.services.renditions import get_rendition
from images.services.storage import StoredFiles
from images.services.zips import DownloadRunning
from images.tasks import run_next_cutout
from processing.errors import InvalidSpec
from processing.spec import RenderSpec
from tests.databases import SharedDatabase
from tests.factories import UserFactory, submit

WHITE = RenderSpec(format="jpeg")


def finished(owner: User, *names: str) -> list[Image]:
    images = [submit(owner, name) for name in names]
    for _ in images:
        run_next_cutout()
    return images


def archive_of(
    owner: User, spec: RenderSpec | None = None, pattern: str = "", preset: str = ""
) -> ZipFile:
    archive = Archive(
        owner=owner,
        images=Image.objects.filter(owner=owner),
        spec=spec or RenderSpec(),
        names=NamePattern.parse(pattern, preset=preset),
    )
    try:
        zipped = ZipFile(BytesIO(b"".join(archive)))
    finally:
        archive.close()
    assert zipped.testzip() is None
    return zipped


@pytest.mark.django_db
class TestContents:
    def test_as_asked(self, image: Image, owner: User) -> None:
        zipped = archive_of(owner, RenderSpec(format="jpeg", width=60))
        assert zipped.namelist() == ["disc.jpg"]
        picture = Pixels.open(BytesIO(zipped.read("disc.jpg")))
        assert (picture.format, picture.size) == ("JPEG", (60, 45))

    def test_the_same_bytes_as_alone(self, cutout: Cutout, owner: User) -> None:
        rendered = archive_of(owner).read("disc.png")
        with get_rendition(cutout=cutout, spec=RenderSpec()).file.open() as stored:
            assert stored.read() == rendered

    def test_the_cache_stays_as_it_is(self, image: Image, owner: User) -> None:
        before = set(Rendition.objects.values_list("spec"))
        archive_of(owner, WHITE)
        assert set(Rendition.objects.values_list("spec")) == before

    def test_what_is_stored_is_not_rendered_again(self, cutout: Cutout, owner: User) -> None:
        stored = get_rendition(cutout=cutout, spec=WHITE)
        Path(stored.file.path).write_bytes(b"from the cache")
        assert archive_of(owner, WHITE).read("disc.jpg") == b"from the cache"

    def test_a_stored_file_that_was_lost_is_rendered(self, cutout: Cutout, owner: User) -> None:
        Path(get_rendition(cutout=cutout, spec=WHITE).file.path).unlink()
        assert archive_of(owner, WHITE).namelist() == ["disc.jpg"]

    def test_what_cannot_be_had_is_listed(self, owner: User) -> None:
        good, lost, broken, failed, _waiting = [
            *finished(owner, "good.png", "lost.png", "broken.png", "failed.png"),
            submit(owner, "waiting.png"),
        ]
        Path(lost.original.path).unlink()
        Path(Cutout.objects.get(image=broken).matte.path).write_bytes(b"x")
        Image.objects.filter(pk=failed.pk).update(current_cutout=None)
        Cutout.objects.filter(image=failed).update(
            status=Status.FAILED, error_message="No subject was found."
        )
        zipped = archive_of(owner)
        assert zipped.namelist() == ["good.png", "missing.txt"]
        lines = zipped.read("missing.txt").decode().splitlines()
        assert [line.partition(":")[0] for line in lines] == [
            "lost.png",
            "broken.png",
            "failed.png",
            "waiting.png",
        ]
        assert lines[0] == "lost.png: The stored file is missing."
        assert lines[2] == "failed.png: No subject was found."
        assert lines[3] == "waiting.png: This cutout is not finished yet."
        assert good.original_name == "good.png"

    def test_a_format_that_cannot_hold_it(self, image: Image, owner: User) -> None:
        Image.objects.update(width=20_000, height=20_000)
        told = archive_of(owner, RenderSpec(format="webp")).read("missing.txt").decode()
        assert told.startswith("disc.png: ")
        assert "webp" in told

    def test_nothing_at_all(self, owner: User) -> None:
        assert archive_of(owner).namelist() == []

    def test_several_pages(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("images.services.zips.PAGE", 2)
        finished(owner, *(f"{number}.png" for number in range(5)))
        names = archive_of(owner, pattern="{index}-{name}").namelist()
        assert names == [f"{number + 1}-{number}.png" for number in range(5)]


@pytest.mark.django_db
class TestNames:
    def test_placeholders(self, image: Image, owner: User) -> None:
        Image.objects.update(title="A disc", original_name="Größe & <x>.JPEG")
        pattern = "{index}_{name}_{preset}_{width}x{height}_{title}_{id}"
        (name,) = archive_of(owner, RenderSpec(max_side=60), pattern, "web").namelist()
        assert name == f"1_Größe & _x__web_60x45_A disc_{image.pk}.png"

    def test_without_a_title_the_name_stands_in(self, image: Image, owner: User) -> None:
        assert archive_of(owner, pattern="{title}").namelist() == ["disc.png"]

    def test_the_size_is_that_of_the_output(self, cutout: Cutout, owner: User) -> None:
        (name,) = archive_of(owner, RenderSpec(crop="subject"), "{width}").namelist()
        assert cutout.bbox is not None
        assert name == f"{cutout.bbox[2] - cutout.bbox[0]}.png"

    def test_collisions(self, owner: User) -> None:
        finished(owner, "a.png", "A.jpg", "a (2).png")
        names = archive_of(owner).namelist()
        assert names[:2] == ["a.png", "A (2).png"]
        assert len({name.casefold() for name in names}) == 3

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "/etc/x", "..", "a\\b", "\r\n.png", "CON"]
    )
    def test_none_leads_out(self, image: Image, owner: User, name: str) -> None:
        Image.objects.update(original_name=name, title=name)
        for pattern in ("{name}", "../{title}", "/{name}/x"):
            (found,) = archive_of(owner, pattern=pattern).namelist()
            assert "/" not in found
            assert "\\" not in found
            assert found.isprintable()
            assert not found.startswith(".")
            assert found.endswith(".png")

    @pytest.mark.parametrize(
        "text",
        ["{nme}", "{}", "{name", "name}", "{name!r}", "{name.__class__}", "{{name}}", "x" * 201],
    )
    def test_unknown_placeholders(self, text: str) -> None:
        with pytest.raises(InvalidSpec) as caught:
            NamePattern.parse(text)
        assert caught.value.parameter == "names"

    def test_preset_needs_one(self) -> None:
        with pytest.raises(InvalidSpec, match="preset"):
            NamePattern.parse("{name}_{preset}")


@pytest.mark.django_db
class TestHowMuchAtOnce:
    def make(self, owner: User) -> Archive:
        images = Image.objects.filter(owner=owner)
        return Archive(owner=owner, images=images, spec=RenderSpec(), names=NamePattern())

    def test_one_a_person(self, owner: User) -> None:
        archive = self.make(owner)
        with pytest.raises(DownloadRunning):
            self.make(owner)
        archive.close()
        self.make(owner).close()

    def test_one_that_nobody_closes(self, owner: User) -> None:
        archive = self.make(owner)
        del archive
        self.make(owner).close()

    def test_the_file_being_sent_is_closed_too(self, cutout: Cutout, owner: User) -> None:
        stored = get_rendition(cutout=cutout, spec=RenderSpec())
        with Path(stored.file.path).open("ab") as file:
            file.write(bytes(1_000_000))
        archive = self.make(owner)
        sent = iter(archive)
        while len(next(sent)) < 100_000:
            pass
        opened = Path("/proc/self/fd")
        assert any(stored.file.path in str(link.readlink()) for link in list_of(opened))
        archive.close()
        assert not any(stored.file.path in str(link.readlink()) for link in list_of(opened))


def list_of(folder: Path) -> list[Path]:
    """Those that are still there: reading a folder opens one."""
    return [path for path in folder.iterdir() if path.is_symlink()]


CODE = """
from pathlib import Path
from django.conf import settings
settings.MEDIA_ROOT, settings.DATA_DIR = Path(MEDIA), Path(DATA)
from images.services.archives import Archive, NamePattern
from processing.spec import RenderSpec
images = Image.objects.filter(byte_size__lte=COUNT)
archive = Archive(owner=images[0].owner, images=images, spec=RenderSpec(), names=NamePattern())
sent = sum(len(chunk) for chunk in archive)
archive.close()
status = Path("/proc/self/status").read_text()
print(sent, next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""
COUNT = 500
SIZE = (240, 160)


def test_memory_does_not_grow_with_pictures(shared_file: SharedDatabase) -> None:
    """The process that sends 500 needs what the one that sends 10 needs."""
    make_noise(UserFactory.create())
    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    few, many = measure(shared_file, 10), measure(shared_file, COUNT)
    assert many[0] > 40 * few[0]
    assert many[0] > 50_000_000
    assert many[1] - few[1] < 10_000_000
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == files
    kept = [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) == 0  # locks
    assert not Rendition.objects.exists()


def measure(database: SharedDatabase, count: int) -> tuple[int, int]:
    """(bytes sent, bytes of memory at most)"""
    names = (
        f"MEDIA, DATA, COUNT = {str(settings.MEDIA_ROOT)!r}, {str(settings.DATA_DIR)!r}, {count}"
    )
    output, _ = database.start(names + CODE).communicate(timeout=120)
    sent, kilobytes = output.split()
    return int(sent), 1024 * int(kilobytes)


def make_noise(owner: User) -> None:
    """500 pictures that do not compress, all of the same files; byte_size counts them."""
    noise = Pixels.frombytes("RGB", SIZE, random.Random(1).randbytes(SIZE[0] * SIZE[1] * 3))
    files = StoredFiles()
    original = files.save(Image().original, "original.png", as_png(noise))
    matte = files.save(Cutout().matte, "matte.png", as_png(Pixels.new("L", SIZE, 255)))
    images = Image.objects.bulk_create(
        Image(
            owner=owner,
            original=original,
            original_name="noise.png",
            width=SIZE[0],
            height=SIZE[1],
            byte_size=number,
        )
        for number in range(1, COUNT + 1)
    )
    cutouts = Cutout.objects.bulk_create(
        Cutout(image=image, owner=owner, engine="drawn", status=Status.DONE, matte=matte)
        for image in images
    )
    for image, made in zip(images, cutouts, strict=True):
        image.current_cutout = made
    Image.objects.bulk_update(images, ["current_cutout"], batch_size=100)


def as_png(picture: Pixels.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
