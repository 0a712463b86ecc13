"""The files for deployment, as far as their own tools can judge them here."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.programs import find_program

ROOT = Path(settings.BASE_DIR)
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def variables_of_the_readme() -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "README.md").read_text()))


def run(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units(unit: Path, tmp_path: Path) -> None:
    """Verified with a program and an account that are on this machine."""
    program = find_program("systemd-analyze")
    text = unit.read_text()
    for old, new in (
        ("/srv/clearcut/.venv/bin/python", "/usr/bin/env"),
        ("=clearcut\n", "=daemon\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / unit.name).write_text(text)
    run(program, "verify", str(tmp_path / unit.name))
    run(program, "security", "--offline=true", "--threshold=25", str(tmp_path / unit.name))


def test_units_differ_in_their_role_alone() -> None:
    whole, web, worker = (
        set((ROOT / "deploy/systemd" / f"clearcut{part}.service").read_text().splitlines())
        for part in ("", "-web", "-worker")
    )
    start = "ExecStart=/srv/clearcut/.venv/bin/python scripts/run.py"
    assert start in whole
    for role, unit in (("web", web), ("worker", worker)):
        assert f"{start} --role {role}" in unit
        lost = {line for line in whole - unit if not line.startswith("#")}
        assert lost == {start, "Description=Clearcut"}


def test_caddyfile() -> None:
    path = str(ROOT / "deploy" / "Caddyfile")
    program = find_program("caddy")
    run(program, "validate", "--config", path, "--adapter", "caddyfile", CLEARCUT_NAME="a.example")
    run(program, "fmt", "--diff", path)


def test_compose_has_no_secret_of_its_own() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name in ("POSTGRES_PASSWORD", "SECRET_KEY", "ALLOWED_HOSTS"):
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert uses
        assert all(use.startswith(f"${{{name}:?") for use in uses), uses


def test_compose_services() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"web", "worker", "database", "cache", "proxy"}
    assert all(service["restart"] == "unless-stopped" for service in services.values())
    web, worker = services["web"], services["worker"]
    assert web["volumes"] == worker["volumes"] == ["data:/data"]
    assert web["environment"] == worker["environment"]
    assert set(web["environment"]) <= variables_of_the_readme()
    for name in ("web", "worker", "cache"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert worker["depends_on"].keys() == {"web", "database", "cache"}
    used = {line.split(":")[0] for one in services.values() for line in one.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in web["ports"])


@pytest.mark.parametrize("path", ["render.yaml", "heroku.yml", "app.json"])
def test_platforms_set_nothing_that_does_not_exist(path: str) -> None:
    text = (ROOT / path).read_text()
    content = json.loads(text) if path.endswith("json") else yaml.safe_load(text)
    if path == "render.yaml":
        names = {entry["key"] for entry in content["services"][0]["envVars"]}
        assert content["services"][0]["disk"]["mountPath"] == "/data"
    elif path == "heroku.yml":
        names = set(content["setup"]["config"])
    else:
        names = {name for name in content["env"] if not name.startswith("AWS_")}
    assert names
    assert names <= variables_of_the_readme()


def test_the_container_runs_as_a_number() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    assert [line for line in lines if line.startswith(("CMD", "    CMD"))] == [
        '    CMD ["/app/.venv/bin/python", "scripts/probe.py"]',
        'CMD ["/app/.venv/bin/python", "scripts/run.py"]',
    ]
