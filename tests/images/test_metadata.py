"""Nothing that a camera or a program wrote beside the pixels leaves with a result."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pixels
from PIL import PngImagePlugin
from pytest_django import Settings

from accounts.models import User
from images.models import Cutout
from images.services.renditions import get_rendition
from images.services.retention import keep_result
from images.services.uploads import submit_image
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import drawn_picture

pytestmark = pytest.mark.django_db

SECRET = "Home-of-Jane-Doe-52.5163N"
EXIF_IMAGE_DESCRIPTION, EXIF_ARTIST, GPS_IFD = 0x010E, 0x013B, 0x8825
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><GPS>{SECRET}</GPS></x:xmpmeta>'.encode()


def exif() -> Pixels.Exif:
    tags = Pixels.Exif()
    tags[EXIF_IMAGE_DESCRIPTION] = SECRET
    tags[EXIF_ARTIST] = SECRET
    tags.get_ifd(GPS_IFD).update({1: "N", 2: (52.0, 30.0, 58.7), 29: SECRET})
    return tags


def with_metadata(name: str) -> bytes:
    """A drawn picture that tells its secret wherever the format has a place for that."""
    buffer = BytesIO()
    options: dict[str, Any]
    match name:
        case "jpeg":
            options = {"exif": exif(), "comment": SECRET.encode(), "xmp": XMP}
        case "webp":
            options = {"exif": exif(), "xmp": XMP}
        case "png":
            chunks = PngImagePlugin.PngInfo()
            chunks.add_text("Comment", SECRET)
            chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
            options = {"exif": exif(), "pnginfo": chunks}
        case "tiff":
            options = {"exif": exif()}
        case _:
            options = {"exif": exif(), "xmp": XMP}
    drawn_picture().save(buffer, name, **options)
    return buffer.getvalue()


def results(cutout: Cutout) -> Iterator[tuple[str, bytes]]:
    keep_result(cutout=cutout)
    for name in ("matte", "edges", "result"):
        file = getattr(cutout, name)
        if file:
            yield name, Path(file.path).read_bytes()
    yield "preview", Path(cutout.image.preview.path).read_bytes()
    for parameters in ("format=png", "format=webp", "format=jpeg", "format=avif", "channels=alpha"):
        rendition = get_rendition(cutout=cutout, spec=RenderSpec.parse(parameters))
        yield parameters, Path(rendition.file.path).read_bytes()


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif"])
def test_no_metadata_in_any_result(name: str, owner: User, settings: Settings) -> None:
    sent = with_metadata(name)
    assert SECRET.encode() in sent  # else the test would prove nothing
    image = submit_image(owner=owner, file=SimpleUploadedFile(f"a.{name}", sent))
    run_next_cutout()
    cutout = image.cutouts.select_related("image").get()
    assert cutout.status == "done"
    for what, data in results(cutout):
        assert SECRET.encode() not in data, what
        with Pixels.open(BytesIO(data)) as picture:
            assert len(picture.getexif()) == 0, what
            assert not {"exif", "xmp", "comment", "XML:com.adobe.xmp", "icc_profile"} & set(
                picture.info
            ), what


def test_the_original_is_kept_as_sent(owner: User) -> None:
    """It belongs to its owner; nobody else can get at it."""
    sent = with_metadata("jpeg")
    image = submit_image(owner=owner, file=SimpleUploadedFile("a.jpg", sent))
    assert Path(image.original.path).read_bytes() == sent
