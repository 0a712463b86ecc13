"""Addresses without the slash at their end."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.common import CommonMiddleware

from config.api_errors import api_error

API = "/api/v1/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Slashes(CommonMiddleware):
    """Redirects to the address with a slash, but nothing that programs send to the API.

    They would follow with a GET, get a list, and take that for the answer to what they sent.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_sent = request.method not in SAFE and request.path_info.startswith(API)
        if response.status_code == 404 and is_sent and self.should_redirect_with_slash(request):
            address = request.get_full_path(force_append_slash=True).partition("?")[0]
            detail = f"Addresses of the API end with a slash: {request.method} {address}"
            answer = api_error(404, "not_found", detail)
            answer.headers["Content-Length"] = str(len(answer.content))
            return answer
        return super().process_response(request, response)
