"""One run of one cutout: the only place where a row, its files and pixels meet for extraction."""

import logging
import secrets
from dataclasses import dataclass
from time import perf_counter

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from images.models import Cutout, Image, Rendition, Status
from images.queue.claims import Claim, fail, finish
from images.services import export
from images.services.errors import FileLost, NotNow, ServiceError
from images.services.locking import hold_images
from images.services.previews import store_preview
from images.services.sent_mattes import drop_sent
from images.services.storage import StoredFiles, open_file
from processing.engines import get_engine
from processing.errors import ProcessingError, TruncatedImage
from processing.imageio import (
    encode,
    encode_edges,
    encode_matte,
    open_drawn_matte,
    open_working_copy,
)
from processing.memory import give_back
from processing.pipeline import Extraction, Pixels, adopt, extract, make_preview
from processing.render import render
from processing.spec import THUMBNAIL, ExtractSpec

logger = logging.getLogger(__name__)


def extract_cutout(*, cutout: Cutout, claim: Claim) -> bool:
    """Make the matte of the cutout's picture, or take the one that was sent, and finish the row.

    False if somebody else holds the row by now: then the files are dropped and nothing changed.
    Raises ProcessingError (with its code) if the picture, the engine or what was sent is the
    problem, FileLost if a file is gone.
    """
    work = _adopt_sent if cutout.kind == Cutout.Kind.EDITED else _extract
    extraction, preview, timings = work(cutout)
    files = StoredFiles()
    try:
        started = perf_counter()
        outputs = _store(cutout, extraction, preview, files)
        timings["store"] = (perf_counter() - started) * 1000
        done = _finish(cutout, claim, extraction, outputs, timings)
    except BaseException:
        files.drop()
        raise
    if not done:
        files.drop()
        return False
    _warm_preview(cutout.image, preview)
    del extraction, preview
    give_back(cutout.image.width * cutout.image.height)
    return True


def fail_cutout(*, cutout: Cutout, claim: Claim, error: ProcessingError | ServiceError) -> None:
    """End the row with `error`; a matte that was sent stays only if another attempt may like it."""
    with transaction.atomic():
        failed = fail(Cutout, claim, error.code, error.message)
        if failed and not isinstance(error, FileLost | NotNow):
            drop_sent([cutout])


_Worked = tuple[Extraction, Pixels, dict[str, float]]  # with the preview, and ms by stage


def _extract(cutout: Cutout) -> _Worked:
    spec = ExtractSpec.parse(cutout.extract_spec)
    engine = get_engine(spec.engine, model_dir=settings.MODEL_DIR, threads=settings.ENGINE_THREADS)
    preview, full_size, timings = _decode(cutout.image)
    try:
        extraction = extract(preview, engine, spec, full_size=full_size)
    except ProcessingError:
        store_preview(image=cutout.image, preview=preview)  # there is nothing else to look at
        raise
    return extraction, preview, timings | extraction.timings


def _adopt_sent(cutout: Cutout) -> _Worked:
    with open_file(cutout.sent_matte) as file:
        matte = open_drawn_matte(file, max_pixels=settings.MAX_PIXELS)
    preview, full_size, timings = _decode(cutout.image)
    if matte.size != full_size:
        raise TruncatedImage("The matte that was sent has another size than the picture.")
    extraction = adopt(preview, matte)
    return extraction, preview, timings | extraction.timings


def _decode(image: Image) -> tuple[Pixels, tuple[int, int], dict[str, float]]:
    """(the preview, the size of the upright original, ms by stage)"""
    started = perf_counter()
    with open_file(image.original) as file:
        copy = open_working_copy(file, max_pixels=settings.MAX_PIXELS)
    preview = make_preview(copy.image)
    return preview, copy.full_size, {"decode": (perf_counter() - started) * 1000}


def _warm_preview(image: Image, preview: Pixels) -> None:
    """After the cutout is done, since it can be made later as well, by whoever looks first.

    Not while other pictures wait: programs that send many look at none of them here.
    """
    if Cutout.objects.filter(status=Status.QUEUED, not_before__lte=timezone.now()).exists():
        return
    try:
        store_preview(image=image, preview=preview)
    except (OSError, ServiceError):
        logger.exception("Could not store the preview of picture %s", image.pk)


@dataclass(frozen=True, slots=True)
class _Outputs:
    matte: str
    edges: str
    thumbnail: Rendition


def _store(cutout: Cutout, extraction: Extraction, preview: Pixels, files: StoredFiles) -> _Outputs:
    """Write the files under names that no other attempt uses."""
    attempt = secrets.token_hex(4)
    matte = files.save(cutout.matte, f"matte-{attempt}.png", encode_matte(extraction.matte))
    edges = ""
    if extraction.edges is not None:
        edges = files.save(cutout.edges, f"edges-{attempt}.png", encode_edges(extraction.edges))
    return _Outputs(matte, edges, _thumbnail(cutout, extraction, preview, files, attempt))


def _thumbnail(
    cutout: Cutout, extraction: Extraction, preview: Pixels, files: StoredFiles, attempt: str
) -> Rendition:
    """Rendered from what is in memory anyway, so that lists can show it the moment it is done."""
    spec = THUMBNAIL.for_size(extraction.matte.size)
    picture = render(preview, extraction.matte, spec, edges=extraction.edges)
    data = encode(picture, spec)
    row = Rendition(
        cutout=cutout,
        spec=str(spec),
        content_type=spec.content_type,
        width=picture.width,
        height=picture.height,
        byte_size=len(data),
    )
    row.file = files.save(row.file, f"thumbnail-{attempt}.{spec.extension}", data)
    return row


def _finish(
    cutout: Cutout,
    claim: Claim,
    extraction: Extraction,
    outputs: _Outputs,
    timings: dict[str, float],
) -> bool:
    with transaction.atomic():
        hold_images([cutout.image_id])
        done = finish(
            Cutout,
            claim,
            matte=outputs.matte,
            edges=outputs.edges,
            bbox=list(extraction.bbox) if extraction.bbox else None,
            coverage=extraction.coverage,
            confidence=extraction.confidence,
            needs_look=extraction.needs_look,
            refinement=extraction.refinement,
            answered_by=extraction.answered_by,
            timings={stage: round(ms, 1) for stage, ms in timings.items()},
            error_code="",
            error_message="",
            export_due=export.is_wanted(),
        )
        if done:
            outputs.thumbnail.save(force_insert=True)
            drop_sent([cutout])  # it has become the matte
    return done
