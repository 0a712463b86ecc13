"""docs/admin.md lists every path of the admin site beside a test that there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLResolver, get_resolver

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/admin.md").read_text()
TABLE = PAGE.partition("## Every path")[2]
ROWS = re.findall(r"^\| (`/admin/.*?) \| (.*?) \| (.*?) \|$", TABLE, re.MULTILINE)
# Catches what is left, so that nobody learns which pages there are.
CATCH_ALL = "(?P<url>.*)$"


def paths(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from paths(pattern, path)
        elif not path.endswith(CATCH_ALL):
            yield path


def test_every_path() -> None:
    found = {path for path in paths(get_resolver(), "/") if path.startswith("/admin/")}
    named = {re.sub(r"\^\(\?P<app_label>.*\)/\$", "{name}/", path) for path in found}
    expected = {re.sub(r"<[^>]+>", "{id}", path) for path in named}
    documented = {path for cell, _what, _tests in ROWS for path in re.findall(r"`(.*?)`", cell)}
    assert documented == expected
    assert len(expected) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].split("`")[1])
def test_every_test(row: tuple[str, str, str]) -> None:
    named = re.findall(r"`(.*?)::(\w+)`", row[2])
    assert named
    for file, test in named:
        assert f"\ndef {test}(" in (ROOT / file).read_text(), (file, test)
