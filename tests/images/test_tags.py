"""Tags: cleaned, one row a word, gone with the last picture."""

import pytest
from django.test import Client

from accounts.models import User
from images.models import Image, Tag
from images.services.errors import ImageGone
from images.services.tags import (
    InvalidTag,
    TagLimitReached,
    TooManyTags,
    add_tags,
    clean_tag,
    clean_tags,
    remove_tags,
    set_tags,
)
from images.services.trash import move_to_trash, purge
from images.services.uploads import submit_image
from tests.databases import SharedDatabase
from tests.factories import UserFactory, picture_file, submit
from tests.images.queue.conftest import make_image


def names(image: Image) -> list[str]:
    return [tag.name for tag in image.tags.all()]


def tagged(owner: User, words: list[str]) -> Image:
    return submit_image(owner=owner, file=picture_file(), tags=words)


class TestCleaning:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("  spring\t 2026 ", "spring 2026"),
            ("Cafe\u0301", "Café"),
            ("a\x00b\x07", "ab"),
            ("a\ud800b", "ab"),
            ("x" * 50, "x" * 50),
            ("👩‍👧", "👩‍👧"),
            ("می‌خواهم", "می‌خواهم"),
            ("❤️", "❤️"),
            ("1️⃣", "1️⃣"),
            ("\ufeffa\u200bb\u202e\u00ad", "ab"),
            ("\u200da\u200d\u200c b\u200c", "a b"),
            ("a\u200d\u200cb", "a\u200db"),
            ("e\u200b\u0301", "é"),
            ("a \u200b b", "a b"),
        ],
    )
    def test_kept(self, sent: str, kept: str) -> None:
        assert clean_tag(sent) == kept

    @pytest.mark.parametrize(
        "sent",
        [
            *("", "  ", "\x00", "x" * 51, "a,b", "\ufdfa" * 9, "x" + " " * 300),
            *(
                "\u200b",
                "\u202e",
                "\u200d",
                "\u2060 \ufeff",
                "\ufe0f",
                "\u3164",
                "\u2800",
                "\u0301",
            ),
        ],
    )
    def test_refused(self, sent: str) -> None:
        with pytest.raises(InvalidTag):
            clean_tag(sent)

    def test_one_word_in_its_first_spelling(self) -> None:
        assert clean_tags(["Straße", "STRASSE", "b", "B"]) == ["Straße", "b"]

    def test_twenty_a_picture(self) -> None:
        assert len(clean_tags([str(number) for number in range(20)])) == 20
        with pytest.raises(TooManyTags):
            clean_tags([str(number) for number in range(21)])


@pytest.mark.django_db
class TestOnePicture:
    def test_replaces(self, queued_image: Image) -> None:
        set_tags(image=queued_image, names=["b", "a"])
        assert names(queued_image) == ["a", "b"]
        set_tags(image=queued_image, names=["B", "c"])
        assert names(queued_image) == ["b", "c"]
        assert set(Tag.objects.values_list("name", flat=True)) == {"b", "c"}

    def test_a_word_goes_with_its_last_picture(self, owner: User) -> None:
        first, second = tagged(owner, ["a"]), tagged(owner, ["a"])
        set_tags(image=first, names=[])
        assert names(second) == ["a"]
        set_tags(image=second, names=[])
        assert not Tag.objects.exists()

    def test_deleting_for_good_takes_the_word_along(self, owner: User) -> None:
        tagged(owner, ["a", "b"])
        kept = tagged(owner, ["b"])
        move_to_trash(images=Image.objects.exclude(pk=kept.pk))
        assert Tag.objects.count() == 2
        purge(images=Image.objects.in_trash())
        assert [tag.name for tag in Tag.objects.all()] == ["b"]

    def test_deleting_by_an_administrator_too(self, admin_client: Client, owner: User) -> None:
        image = tagged(owner, ["a"])
        address = f"/admin/images/image/{image.pk}/delete/"
        assert admin_client.post(address, {"post": "yes"}).status_code == 302
        assert not Image.objects.exists()
        assert not Tag.objects.exists()

    def test_words_are_of_one_person(self, owner: User, stranger: User) -> None:
        tagged(owner, ["a"])
        other = tagged(stranger, ["A"])
        assert names(other) == ["A"]
        set_tags(image=other, names=[])
        assert Tag.objects.get().owner == owner

    def test_a_picture_that_has_just_gone(self, queued_image: Image) -> None:
        purge(images=Image.objects.all())
        with pytest.raises(ImageGone):
            set_tags(image=queued_image, names=["a"])
        assert not Tag.objects.exists()

    def test_so_many_in_all(self, queued_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("images.services.tags.MAX_TAGS_PER_PERSON", 2)
        set_tags(image=queued_image, names=["a", "b"])
        with pytest.raises(TagLimitReached):
            set_tags(image=queued_image, names=["a", "b", "c"])
        assert names(queued_image) == ["a", "b"]

    def test_a_refused_upload_leaves_nothing(self, owner: User) -> None:
        with pytest.raises(InvalidTag):
            submit_image(owner=owner, file=picture_file(), tags=["a", ""])
        assert not Image.objects.exists()
        assert not Tag.objects.exists()


@pytest.mark.django_db
class TestManyPictures:
    def test_added_where_there_is_room(self, owner: User, stranger: User) -> None:
        full = tagged(owner, [str(number) for number in range(20)])
        empty, foreign = submit(owner), submit(stranger)
        ids = [full.pk, empty.pk, foreign.pk]
        assert add_tags(owner=owner, image_ids=ids, names=["new", "1"]) == {empty.pk}
        assert names(empty) == ["1", "new"]
        assert len(names(full)) == 20
        assert names(foreign) == []
        assert add_tags(owner=owner, image_ids=ids, names=["1"]) == {full.pk, empty.pk}

    def test_nothing_is_left_where_no_picture_has_room(self, owner: User) -> None:
        full = tagged(owner, [str(number) for number in range(20)])
        assert add_tags(owner=owner, image_ids=[full.pk], names=["new"]) == set()
        assert Tag.objects.count() == 20

    def test_removed(self, owner: User, stranger: User) -> None:
        first, second = tagged(owner, ["a", "b"]), tagged(owner, ["b"])
        foreign = tagged(stranger, ["a"])
        ids = [first.pk, second.pk, foreign.pk]
        assert remove_tags(owner=owner, image_ids=ids, names=["A", "unknown"]) == {first.pk}
        assert names(first) == ["b"]
        assert names(foreign) == ["a"]
        assert Tag.objects.filter(owner=owner).count() == 1


CODE = """
from images.services.tags import set_tags
print("ready", flush=True)
sys.stdin.readline()
image = Image.objects.get(pk=KEY)
for number in range(25):
    set_tags(image=image, names=["a", "b"])
    set_tags(image=image, names=["b"] if number % 2 else [])
set_tags(image=image, names=["A", "b"])
"""


@pytest.mark.parametrize("kind", ["shared_file", "shared_server"])
def test_racing_processes(kind: str, request: pytest.FixtureRequest) -> None:
    """One deletes a word as unused while the other puts it on a picture."""
    database: SharedDatabase = request.getfixturevalue(kind)
    owner = UserFactory.create()
    images = [make_image(owner) for _ in range(2)]
    racers = [database.start(f"KEY = '{image.pk}'{CODE}", stdin=-1) for image in images]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=60)
    assert [racer.returncode for racer in racers] == [0, 0]
    assert [sorted(name.lower() for name in names(image)) for image in images] == [["a", "b"]] * 2
    assert Tag.objects.count() == 2
