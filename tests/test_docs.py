"""The documentation names every setting, engine and route, and nothing that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLResolver, get_resolver

from processing.engines.catalog import ENGINES
from tests.config.test_access import routes

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs/api.md").read_text()
ACCOUNTS = (ROOT / "docs/accounts.md").read_text()
ENGINES_PAGE = (ROOT / "docs/engines.md").read_text()

SERVICES = [*ROOT.glob("images/services/*.py")]
CODE = re.compile(r"^    code = \"(\w+)\"$", re.MULTILINE)

# Read by scripts and by Django itself rather than through env().
READ_ELSEWHERE = {"DJANGO_SETTINGS_MODULE", "WEB_WORKERS"}


def variables_in_code() -> set[str]:
    found: set[str] = set()
    for path in [*ROOT.glob("config/**/*.py"), *ROOT.glob("scripts/*.py")]:
        text = path.read_text()
        found |= set(re.findall(r"env(?:\.\w+|_path)\(\s*\"([A-Z0-9_]+)\"", text))
    return found


def variables_in_readme() -> set[str]:
    table = README.partition("## Settings")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([A-Z0-9_]+)`", cell)}


def test_settings() -> None:
    assert variables_in_readme() - READ_ELSEWHERE == variables_in_code() - READ_ELSEWHERE


def test_engines() -> None:
    for info in ENGINES.values():
        assert f"`{info.name}`" in ENGINES_PAGE
        assert info.licence.split()[0] in ENGINES_PAGE


def test_api_routes() -> None:
    paths = {
        "/api/v1/" + re.sub(r"\(\?P<pk>.*?\)|<[^>]+>", "{id}", route).strip("^$")
        for name, route in routes()
        if name.startswith("api:")
    }
    documented = set(re.findall(r"`(?:[A-Z`, ]+ )?(/api/v1/\S*?)`", API))
    assert paths == documented


def test_codes_of_errors() -> None:
    """Whatever services refuse with, and what every API has."""
    table = API.partition("## Errors")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`([a-z_]+)`", table))
    refusals = {code for module in SERVICES for code in CODE.findall(module.read_text())}
    assert refusals - documented == {"refused", "backup_refused"}  # never in an answer
    assert {"throttled", "parse_error", "not_found", "required", "null"} <= documented


def full_routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    """Every route from the root, with {name} for what varies."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from full_routes(pattern, route)
        else:
            route = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.replace("(?P<", "(<"))
            yield re.sub(r"\(({\w+})[^)]*\)", r"\1", route).replace("^", "").replace("$", "")


def test_routes_of_accounts() -> None:
    """Each below /account/ and /accounts/ stands in the table, beside a test that exists."""
    rows = re.findall(r"^\| `(/\S*)` \| `(\S+)::(\w+)` \|$", ACCOUNTS, re.MULTILINE)
    routes_there = set(full_routes())
    assert {route for route in routes_there if route.startswith("/account")} <= {
        route for route, _path, _test in rows
    }
    for route, path, name in rows:
        assert route in routes_there, route
        assert re.search(rf"(def|class) {name}\b", (ROOT / path).read_text()), f"{path}::{name}"


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
