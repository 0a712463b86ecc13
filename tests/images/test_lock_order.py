"""What may happen to the same rows at the same moment: nobody is refused for it."""

from contextlib import suppress

import pytest

from images.models import Batch, Cutout, Image, MonthlyUsage, Status, WebhookEndpoint
from images.queue.claims import Claim, claim_next, fail
from images.services.batches import create_batch
from images.services.cutouts import retry_cutout
from images.services.errors import CutoutNotFailed, FileLost
from images.services.extraction import extract_cutout
from images.services.tags import add_tags
from images.services.trash import purge
from images.services.uploads import submit_image
from tests.concurrency import at_once
from tests.databases import SharedDatabase
from tests.factories import UserFactory, picture_file, submit

NUMBER = 25


@pytest.fixture(params=["shared_file", "shared_server"], autouse=True)
def database(request: pytest.FixtureRequest) -> SharedDatabase:
    database: SharedDatabase = request.getfixturevalue(request.param)
    return database


def failed_batch() -> tuple[Batch, list[Cutout]]:
    batch = create_batch(owner=UserFactory.create())
    for _ in range(NUMBER):
        submit_image(owner=batch.owner, file=picture_file(), batch=batch)
    Cutout.objects.update(status=Status.FAILED, error_code="nothing_found")
    MonthlyUsage.objects.update(cutouts=0)
    return batch, list(Cutout.objects.all())


def retry_all(cutouts: list[Cutout]) -> None:
    for cutout in cutouts:
        retry_cutout(cutout=cutout)


def test_trying_again_while_pictures_come_in() -> None:
    batch, failed = failed_batch()

    def upload() -> None:
        for _ in range(NUMBER):
            submit_image(owner=batch.owner, file=picture_file(), batch=batch)

    assert at_once(upload, lambda: retry_all(failed)) == []
    assert MonthlyUsage.objects.get().cutouts == 2 * NUMBER


def test_trying_again_while_others_fail() -> None:
    batch, failed = failed_batch()
    WebhookEndpoint.objects.create(owner=batch.owner, url="https://192.0.2.1/")
    for _ in range(NUMBER):
        submit_image(owner=batch.owner, file=picture_file(), batch=batch)
    claimed = [claim_next(Cutout, worker="w") for _ in range(NUMBER)]

    def fail_all() -> None:
        for found in claimed:
            assert found
            assert fail(Cutout, found[1], "nothing_found", "Nothing.")

    assert at_once(fail_all, lambda: retry_all(failed)) == []
    assert MonthlyUsage.objects.get().cutouts == NUMBER


def test_one_is_tried_again_once() -> None:
    owner = UserFactory.create()
    submit(owner)
    Cutout.objects.update(status=Status.FAILED)
    MonthlyUsage.objects.update(cutouts=0)
    cutout = Cutout.objects.get()
    errors = at_once(*[lambda: retry_cutout(cutout=cutout)] * 4)
    assert [type(error) for error in errors] == [CutoutNotFailed] * 3
    assert MonthlyUsage.objects.get().cutouts == 1


def test_tagging_while_they_are_purged() -> None:
    owner = UserFactory.create()
    pictures = [submit_image(owner=owner, file=picture_file(), tags=["a", "b"]) for _ in range(40)]
    keys = [picture.pk for picture in pictures]

    def tag() -> None:
        for number in range(len(keys)):
            add_tags(owner=owner, image_ids=keys, names=["a", f"t{number % 3}"])

    def purge_all() -> None:
        for key in keys:
            purge(images=Image.objects.filter(pk=key))

    assert at_once(tag, purge_all) == []
    assert not Image.objects.exists()


def test_finishing_while_they_are_purged() -> None:
    """The worker may find rows and folders gone, but the database refuses nothing."""
    owner = UserFactory.create()
    claims: list[tuple[Cutout, Claim]] = []
    for _ in range(NUMBER):
        submit(owner)
        found = claim_next(Cutout, worker="w")
        assert found
        claims.append(found)

    def finish_all() -> None:
        for cutout, claim in claims:
            with suppress(Image.DoesNotExist, FileLost, FileNotFoundError):
                extract_cutout(cutout=cutout, claim=claim)

    def purge_all() -> None:
        for cutout, _claim in claims:
            purge(images=Image.objects.filter(pk=cutout.image_id))

    assert at_once(finish_all, purge_all) == []
    assert not Image.objects.exists()
