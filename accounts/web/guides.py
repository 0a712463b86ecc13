"""Pages of the documentation that people want to read without the source at hand."""

import re
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.markdown import render_markdown

# Files of docs/ by the names of their routes.
GUIDES = {
    "moving_from_remove_bg": "moving-from-remove-bg",
    "moving_from_rembg": "moving-from-rembg",
    "webhooks_guide": "webhooks",
}
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    """name: of a file of docs/, as `GUIDES` has it."""
    addresses = {f"{file}.md": reverse(f"accounts:{route}") for route, file in GUIDES.items()}
    title, text = _read(name, tuple({"api.md": reverse("docs"), **addresses}.items()))
    return render(request, "accounts/page.html", {"title": title, "text": text})


@cache
def _read(name: str, addresses: tuple[tuple[str, str], ...]) -> tuple[str, SafeString]:
    """Heading and text of docs/NAME.md. addresses: of files that have a page here; links to other
    files of the source would lead nowhere on a page, so that of those the words remain.
    """
    served = dict(addresses)

    def lead(link: re.Match[str]) -> str:
        address, anchor = served.get(link[2]), link[3] or ""
        if address is None:
            return link[1]
        # The description of the API is a page of another make, with anchors of its own.
        return f"[{link[1]}]({address}{anchor if link[2] != 'api.md' else ''})"

    source = (settings.BASE_DIR / "docs" / f"{name}.md").read_text(encoding="utf-8")
    heading, _newline, rest = source.partition("\n")
    return heading.lstrip("# "), render_markdown(_LINK.sub(lead, rest), anchors=True)
