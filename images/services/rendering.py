"""A cutout's files to the bytes of an output, without looking at any cache."""

from collections.abc import Callable

from images.models import Cutout
from images.services.errors import OriginalDeleted
from images.services.storage import open_file
from processing.imageio import encode, open_image, open_matte
from processing.layout import Layout, lay_out
from processing.pipeline import Pixels
from processing.render import render
from processing.spec import Blur, RenderSpec

GONE = (
    "The original of this picture was deleted after the time it is kept here, so what surrounded "
    "the subject cannot be shown any more."
)


def render_cutout(
    *, cutout: Cutout, spec: RenderSpec, backdrop: Callable[[], Pixels] | None = None
) -> tuple[bytes, tuple[int, int]]:
    """The encoded output of a finished cutout, and its size in px.

    Large pictures take hundreds of megabytes for a moment: requests go through
    `get_rendition`, which bounds how many are rendered at once.
    backdrop: reads the picture that the spec names, if it names one.
    Raises OriginalDeleted where only the original could show what is asked for, FileLost if an
    input file is gone, ProcessingError if one cannot be decoded, InvalidSpec.
    """
    if cutout.result and _looks_behind(spec):
        raise OriginalDeleted(GONE)
    colours, matte = _colours_and_matte(cutout)
    edges = None
    if cutout.edges and spec.decontaminate:
        with open_file(cutout.edges) as file:
            edges = open_image(file, max_pixels=None)
    picture = render(colours, matte, spec, edges=edges, backdrop=backdrop and backdrop())
    del colours, matte, edges  # encoding is the other large consumer of memory
    return encode(picture, spec), picture.size


def _looks_behind(spec: RenderSpec) -> bool:
    """Whether the output shows what surrounds the subject."""
    return isinstance(spec.background, Blur) or (spec.shift or 0) > 0


def layout_of(cutout: Cutout, spec: RenderSpec) -> Layout:
    """Where the picture and its subject lie in the output for `spec`."""
    box = tuple(cutout.bbox) if cutout.bbox else None
    return lay_out(spec, (cutout.image.width, cutout.image.height), box)


def _colours_and_matte(cutout: Cutout) -> tuple[Pixels, Pixels]:
    """From the original, or from the result that was kept when the original had to go."""
    if cutout.result:
        with open_file(cutout.result) as file:
            result = open_image(file, max_pixels=None).convert("RGBA")
        return result.convert("RGB"), result.getchannel("A")
    with open_file(cutout.image.original) as file:
        original = open_image(file, max_pixels=None)
    with open_file(cutout.matte) as file:
        return original, open_matte(file)
