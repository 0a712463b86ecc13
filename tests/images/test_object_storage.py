"""Pictures in a bucket: a real server that speaks S3, started here."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
import requests
from django.core.files.storage import default_storage
from django.test import Client
from moto.server import ThreadedMotoServer
from PIL import Image as Pixels
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.health import check_media
from images.models import Image
from images.services.backup_media import media_folder
from images.services.trash import purge
from images.tasks import run_next_cutout
from tests.factories import picture_bytes, submit

BUCKET = "pictures"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application's storage is this bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    requests.post(f"{server}/moto-api/reset", timeout=10)
    bucket = boto3.resource("s3", endpoint_url=server, region_name="eu-central-1").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    options = {"bucket_name": BUCKET, "endpoint_url": server, "region_name": "eu-central-1"}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "config.storage.BucketStorage", "OPTIONS": options},
    }
    return bucket


def names(bucket: Any) -> set[str]:
    return {entry.key for entry in bucket.objects.all()}


def test_from_the_upload_to_the_deletion(
    bucket: Any,
    owner: User,
    api: APIClient,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    image = submit(owner)
    assert {name.split("/")[0] for name in names(bucket)} == {"originals"}
    run_next_cutout()
    found = api.get(f"/api/v1/images/{image.pk}/").json()
    assert found["cutout"]["status"] == "done", found
    rendition = api.get(found["cutout"]["rendition_url"])
    content = b"".join(rendition.streaming_content)  # type: ignore[attr-defined]
    assert Pixels.open(BytesIO(content)).mode == "RGBA"
    assert rendition.headers["Content-Length"] == str(len(content))
    kinds = {name.split("/")[0] for name in names(bucket)}
    assert kinds == {"originals", "cutouts", "previews", "renditions"}
    with django_capture_on_commit_callbacks(execute=True):
        assert purge(images=Image.objects.all()) == 1
    assert names(bucket) == set()


def test_the_original_comes_back_as_it_was_sent(
    bucket: Any, owner: User, owner_client: Client, stranger_client: Client
) -> None:
    image = submit(owner)
    address = f"/images/{image.pk}/original/"
    answer = owner_client.get(address)
    assert b"".join(answer.streaming_content) == picture_bytes()  # type: ignore[attr-defined]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    assert stranger_client.get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_nobody_else_can_read_the_bucket(bucket: Any, owner: User) -> None:
    """Files are stored without an access list of their own: the bucket's holds."""
    image = submit(owner)
    grants = bucket.Object(image.original.name).Acl().grants
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_a_lost_file_is_missing(bucket: Any, owner: User, owner_client: Client) -> None:
    image = submit(owner)
    bucket.Object(image.original.name).delete()
    assert owner_client.get(f"/images/{image.pk}/original/").status_code == 404


def test_the_page_that_nginx_could_send_is_sent_by_us(
    bucket: Any, owner: User, owner_client: Client, settings: Settings
) -> None:
    """nginx has no such files."""
    settings.X_ACCEL_PREFIX = "/private-media/"
    answer = owner_client.get(f"/images/{submit(owner).pk}/original/")
    assert "X-Accel-Redirect" not in answer.headers


def test_health(bucket: Any, server: str) -> None:
    assert check_media() == ""
    requests.post(f"{server}/moto-api/reset", timeout=10)
    with pytest.raises(OSError, match="object storage"):
        default_storage.save("x/y", BytesIO(b"z"))


def test_backups_leave_the_pictures_to_the_bucket(bucket: Any) -> None:
    assert media_folder() is None
