"""What that interface answers: the picture with its headers, or the same as JSON."""

import base64
import io
import zipfile
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse

from images.compat.removebg.parameters import SIZES, Wishes
from images.compat.removebg.sources import Background
from images.models import Cutout, Rendition
from images.services.rendering import layout_of
from images.services.renditions import get_rendition
from images.services.slots import rendering
from processing.bleed import without_transparency
from processing.imageio import encode, open_image
from processing.spec import Backdrop, RenderSpec

FULL_PIXELS = SIZES["full"]


@dataclass(frozen=True, slots=True)
class Result:
    """content: the file. size: its px. foreground: box of the subject in it."""

    content: bytes
    content_type: str
    size: tuple[int, int]
    foreground: tuple[int, int, int, int]


def make_result(cutout: Cutout, wishes: Wishes, background: Background | None) -> Result:
    """Raises what `get_rendition` raises."""
    ground = Backdrop(background.sha256) if background else None
    opaque = ground is not None or wishes.has_solid_ground or _fills_all(cutout, wishes)
    spec = wishes.spec(opaque=opaque, backdrop=ground)
    read = background.decoded if background else None
    rendition = get_rendition(cutout=cutout, spec=spec, backdrop=read)
    content, kind = _content(rendition), rendition.content_type
    if wishes.format == "zip":
        with rendering(f"zip:{cutout.pk}", owner=cutout.owner_id):
            content, kind = _zipped(content), "application/zip"
    size = (rendition.width, rendition.height)
    return Result(content, kind, size, layout_of(cutout, spec).subject)


def _fills_all(cutout: Cutout, wishes: Wishes) -> bool:
    """Whether nothing would be transparent even without a background."""
    return (cutout.coverage or 0) >= 1 and wishes.render == RenderSpec()


def _content(rendition: Rendition) -> bytes:
    with rendition.file.open("rb") as file:
        content: bytes = file.read()
    return content


def _zipped(png: bytes) -> bytes:
    """color.jpg and alpha.png: what a PNG holds, in a fraction of the room."""
    picture = open_image(io.BytesIO(png)).convert("RGBA")
    jpeg = encode(without_transparency(picture), RenderSpec(format="jpeg"))
    alpha = encode(picture.getchannel("A"), RenderSpec())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", jpeg)
        archive.writestr("alpha.png", alpha)
    return buffer.getvalue()


def wants_json(request: HttpRequest) -> bool:
    """Only when nothing else is accepted: clients that name JSON among others want the bytes."""
    accepted = [
        part.partition(";")[0].strip() for part in request.headers.get("Accept", "").split(",")
    ]
    return [kind for kind in accepted if kind] == ["application/json"]


def answer(request: HttpRequest, result: Result) -> HttpResponse:
    left, top, right, bottom = result.foreground
    if not wants_json(request):
        return HttpResponse(result.content, content_type=result.content_type)
    data = {
        "result_b64": base64.b64encode(result.content).decode(),
        "foreground_top": top,
        "foreground_left": left,
        "foreground_width": right - left,
        "foreground_height": bottom - top,
    }
    return JsonResponse({"data": data})


def headers(cutout: Cutout, wishes: Wishes, result: Result, *, charged: int) -> dict[str, str]:
    left, top, right, bottom = result.foreground
    full = RenderSpec(max_pixels=FULL_PIXELS).fit((cutout.image.width, cutout.image.height))
    values = {
        "X-Credits-Charged": charged,
        "X-Width": result.size[0],
        "X-Height": result.size[1],
        "X-Max-Width": full[0],
        "X-Max-Height": full[1],
        "X-Type": wishes.type_name,
        "X-Foreground-Top": top,
        "X-Foreground-Left": left,
        "X-Foreground-Width": right - left,
        "X-Foreground-Height": bottom - top,
    }
    return {name: str(value) for name, value in values.items()}
