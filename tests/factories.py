"""Making what tests need: people, drawn pictures, submitted pictures."""

from io import BytesIO
from typing import Any

import factory
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pixels
from PIL import ImageDraw

from accounts.models import User
from images.models import Image
from images.services.uploads import submit_image


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    password = factory.django.Password("correct horse battery")


def drawn_picture(size: tuple[int, int] = (120, 90), mode: str = "RGB") -> Pixels.Image:
    """A red disc on a light ground: what the engine "drawn" can cut out."""
    width, height = size
    picture = Pixels.new("RGB", size, (225, 230, 235))
    radius = min(size) // 3
    centre = (width // 2, height // 2)
    ImageDraw.Draw(picture).ellipse(
        (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius),
        fill=(200, 40, 30),
    )
    return picture.convert(mode)


def picture_bytes(format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - as Pillow calls it
    buffer = BytesIO()
    drawn_picture(**options).save(buffer, format)
    return buffer.getvalue()


def picture_file(name: str = "disc.png", **options: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes(**options), "image/png")


def submit(owner: User, name: str = "disc.png", **options: Any) -> Image:
    """A picture of `owner`, stored and queued."""
    return submit_image(owner=owner, file=picture_file(name, **options))
