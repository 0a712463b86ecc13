"""Styles, icons and data for scripts: what pages use is there, and what is there is used."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEMPLATES = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
SCRIPTS = "".join(path.read_text() for path in (ROOT / "static" / "js").glob("*.js"))
STYLES = "".join(
    (ROOT / "static" / "css" / f"{name}.css").read_text()
    for name in ("tokens", "base", "components", "pages")
)
# The tests in a browser find things by their data too.
READERS = "".join(path.read_text() for path in (ROOT / "tests" / "system").glob("*.py"))
READERS += SCRIPTS + STYLES
# Written by Django, by allauth, or by a template as "is-{{ status }}".
NOT_OURS = {"errorlist", "helptext", "is-done", "is-failed", "is-queued", "is-running"}


def test_icons() -> None:
    sprite = (ROOT / "static" / "img" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used = set(re.findall(r'\{% icon "([\w-]+)"', TEMPLATES))
    assert drawn == used


def test_classes_that_are_styled_are_used() -> None:
    styled = set(re.findall(r"\.([a-z][\w-]*)(?=[^{}]*\{)", STYLES)) - NOT_OURS
    words = set(re.findall(r"[a-z][\w-]*", TEMPLATES + SCRIPTS))
    assert styled - words == set()


def test_data_for_scripts_is_read() -> None:
    def is_read(name: str) -> bool:
        first, *rest = name.split("-")
        property_name = first + "".join(word.title() for word in rest)
        return f"[data-{name}" in READERS or re.search(rf"\b{property_name}\b", SCRIPTS) is not None

    given = set(re.findall(r"\bdata-([a-z][a-z-]*)", TEMPLATES))
    assert {name for name in given if not is_read(name)} == set()
