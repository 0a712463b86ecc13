"""The guides for people who move here name every parameter and header, and nothing else."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from images.compat.removebg import parameters
from images.compat.removebg.errors import REFUSALS
from images.compat.removebg.views import EXPOSED
from processing.errors import ProcessingError
from tests.programs import find_program

DOCS = Path(settings.BASE_DIR) / "docs"
REMOVE_BG = (DOCS / "moving-from-remove-bg.md").read_text()
REMBG = (DOCS / "moving-from-rembg.md").read_text()


def section(page: str, heading: str) -> str:
    found = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, heading
    return found


def first_cells(text: str) -> Iterator[str]:
    for cell in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE):
        yield from re.findall(r"`([\w-]+)`", cell)


def names_read() -> set[str]:
    """The parameters that images/compat/removebg/parameters.py asks for."""
    source = Path(parameters.__file__ or "").read_text()
    found = set(re.findall(r"values(?:\.get\(|, )\"(\w+)\"", source))
    return found | set(parameters.SOURCES) | set(parameters.BACKGROUNDS)


def test_parameters_of_remove_bg() -> None:
    assert set(first_cells(section(REMOVE_BG, "Parameters"))) == names_read()
    assert len(names_read()) >= 20


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("size", parameters.SIZES),
        ("type", parameters.TYPES),
        ("type_level", parameters.LEVELS),
        ("channels", parameters.CHANNELS),
        ("shadow_type", (*parameters.SHADOWS, "auto")),
        # The other spelling of jpg is for those who try it.
        ("format", set(parameters.FORMATS) - {"jpeg"}),
    ],
)
def test_values(name: str, allowed: list[str]) -> None:
    row = re.search(rf"^\| `{name}` \| (.*?) \|", REMOVE_BG, re.MULTILINE)
    assert row
    told = {value.lower() for value in re.findall(r"`(\w+)`", row[1])}
    assert told == set(allowed)


def test_sizes_are_told_as_they_are() -> None:
    megapixels = {name: pixels / 1_000_000 for name, pixels in parameters.SIZES.items()}
    assert [megapixels[name] for name in ("preview", "medium", "hd", "full", "4k", "50mp")] == [
        *(0.25, 1.5, 4, 25, 25, 50)
    ]
    assert "0.25 megapixels for the first three, 1.5, 4, 25, 25, 50" in REMOVE_BG


def test_headers() -> None:
    told = set(first_cells(section(REMOVE_BG, "Headers")))
    assert told == {*EXPOSED.split(", "), "X-Api-Key", "Accept"}


def test_codes_are_codes() -> None:
    page = " ".join(REMOVE_BG.split())
    told = re.findall(r"\b[45]\d\d `(\w+)`", page)
    assert {"insufficient_credits", "still_processing", "busy", "processing_failed"} <= set(told)
    for code in told:
        assert code in REFUSALS, code
    for code in ("insufficient_credits", "still_processing", "busy", "processing_failed"):
        assert f"{REFUSALS[code].status} `{code}`" in page


def test_parameters_of_rembg() -> None:
    """As rembg's own server has them, and each of them once."""
    import rembg

    source = (Path(rembg.__file__).parent / "commands" / "s_command.py").read_text()
    theirs = set(re.findall(r"^            self\.(\w+) = ", source, re.MULTILINE))
    assert theirs >= {"model", "a", "om", "bgc", "extras"}
    assert set(first_cells(section(REMBG, "Parameters"))) == theirs


def test_commands_of_the_guides_are_there() -> None:
    from django.core.management import get_commands

    for page in (REMOVE_BG, REMBG):
        for name in re.findall(r"manage\.py (\w+)", page):
            assert name in get_commands(), name


def test_parameters_of_the_command_line_are_understood() -> None:
    from processing.spec import RenderSpec

    for text in re.findall(r"`--parameters (\S+)`", REMBG):
        try:
            RenderSpec.parse(text)
        except ProcessingError as error:
            pytest.fail(f"{text}: {error.message}")


def test_the_recipe_for_caddy_is_sound(tmp_path: Path) -> None:
    """With the certificate of the guide's own commands; the system tests try nginx."""
    caddy, _openssl = find_program("caddy"), find_program("openssl")
    (commands,) = re.findall(r"^```sh\n(.*?)^```", REMOVE_BG, re.MULTILINE | re.DOTALL)
    subprocess.run(["bash", "-euc", commands], cwd=tmp_path, check=True, capture_output=True)
    (site,) = re.findall(r"^```\n(api\.remove\.bg \{.*?)^```", REMOVE_BG, re.MULTILINE | re.DOTALL)
    (tmp_path / "Caddyfile").write_text(site.replace("/etc/ssl/", f"{tmp_path}/"))
    done = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", "Caddyfile"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
