"""What a share link shows, to whoever has it."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from images.services.errors import NotNow, ServiceError
from images.services.names import download_name
from images.services.renditions import get_rendition
from images.services.sharing import find_shared
from images.serving import serve_file
from processing.errors import ProcessingError
from processing.spec import RenderSpec


@require_safe
def shared(request: HttpRequest, secret: str, extension: str) -> HttpResponseBase:
    """The picture alone. Ended, revoked and wrong addresses are all the same: not there."""
    link = find_shared(secret=secret)
    if link is None:
        raise Http404
    try:
        spec = RenderSpec.parse(link.spec)
        rendition = get_rendition(cutout=link.cutout, spec=spec)
    except NotNow as error:
        headers = {"Retry-After": str(error.retry_after)}
        return HttpResponse(error.message, status=503, headers=headers, content_type="text/plain")
    except (ServiceError, ProcessingError) as error:
        raise Http404 from error
    answer = serve_file(
        request,
        rendition.file,
        content_type=rendition.content_type,
        filename=download_name(link.cutout.image, spec.extension),
    )
    # A page that shows it may stand anywhere; search engines have no business with it.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Cache-Control"] = "private, max-age=60"
    return answer
