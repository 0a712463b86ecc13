"""Markdown of administrators as HTML for pages."""

import re
from collections import Counter
from itertools import pairwise
from urllib.parse import urlsplit

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

SCHEMES = {"http", "https", "mailto"}
LOWEST_HEADING = 6


def render_markdown(text: str, *, anchors: bool = False) -> SafeString:
    """HTML without any that `text` brings itself, below a heading of the first level.

    Links go to http, https, mailto and this site; pictures are not shown, since one from
    elsewhere would tell others who reads the page. anchors: whether headings can be linked to,
    by their words in small letters with hyphens between them.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    markdown.validateLink = _is_harmless  # type: ignore[method-assign]
    tokens = markdown.parse(text)
    _demote_headings(tokens)
    _mark_links(tokens)
    if anchors:
        _name_headings(tokens)
    return mark_safe(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S308 - see above


def _is_harmless(url: str) -> bool:
    try:
        scheme = urlsplit(url.strip()).scheme.lower()
    except ValueError:
        return False
    return scheme in SCHEMES or (not scheme and not url.startswith("//"))


def _demote_headings(tokens: list[Token]) -> None:
    """Below the h1 of the page, and none skips a level: screen readers go by them."""
    level = 1
    for token in tokens:
        if token.type == "heading_open":
            level = min(int(token.tag[1]) + 1, level + 1, LOWEST_HEADING)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{level}"


def _mark_links(tokens: list[Token]) -> None:
    """Pages elsewhere learn nothing of ours."""
    for token in tokens:
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer")


def _name_headings(tokens: list[Token]) -> None:
    """As the hosts of source code do, so that links within a text work there and here."""
    seen: Counter[str] = Counter()
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            words = re.sub(r"[^\w\- ]", "", content.content.lower()).replace(" ", "-")
            heading.attrSet("id", f"{words}-{seen[words]}" if seen[words] else words)
            seen[words] += 1
