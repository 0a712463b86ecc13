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

_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)([^)]+)\)")


@require_safe
def moving_from_remove_bg(request: HttpRequest) -> HttpResponse:
    return _page(request, "moving-from-remove-bg")


def _page(request: HttpRequest, name: str) -> HttpResponse:
    title, text = _read(name, reverse("docs"))
    return render(request, "accounts/page.html", {"title": title, "text": text})


@cache
def _read(name: str, docs: str) -> tuple[str, SafeString]:
    """Heading and text of docs/NAME.md. Links to files of the source lead nowhere on a page: the
    description of the API has an address of its own here, of others the words remain.
    """
    source = (settings.BASE_DIR / "docs" / f"{name}.md").read_text(encoding="utf-8")
    heading, _newline, rest = source.partition("\n")
    text = _LINK.sub(lambda link: f"[{link[1]}]({docs})" if link[2] == "api.md" else link[1], rest)
    return heading.lstrip("# "), render_markdown(text)
