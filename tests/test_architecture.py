"""The rooms and the one direction between them (docs/architecture.md), held by tests."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ["numba", "onnxruntime", "pymatting", "rembg", "scipy", "skimage"]

IMPORT_THE_WEB = f"""
import json, sys
import config.wsgi
from django.urls import get_resolver, URLResolver

def visit(resolver):
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            visit(entry)

visit(get_resolver())
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def lint_imports(*options: str) -> subprocess.CompletedProcess[str]:
    return run(str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *options)


def test_rooms_import_in_one_direction() -> None:
    done = lint_imports()
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_of_directions_sees_a_wrong_one(tmp_path: Path) -> None:
    """images imports processing, so forbidding just that must fail."""
    contract = tmp_path / "contracts.toml"
    contract.write_text(
        '[tool.importlinter]\nroot_packages = ["images", "processing"]\n'
        '[[tool.importlinter.contracts]]\nname = "wrong"\ntype = "forbidden"\n'
        'source_modules = ["images"]\nforbidden_modules = ["processing"]\n'
    )
    done = lint_imports("--config", str(contract))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "wrong BROKEN" in done.stdout


def test_web_processes_load_nothing_heavy() -> None:
    """rembg alone would cost each of them seconds and 200 MB."""
    done = run(sys.executable, "-c", IMPORT_THE_WEB)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_check_for_heavy_imports_sees_them() -> None:
    done = run(sys.executable, "-c", "import scipy\n" + IMPORT_THE_WEB)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["scipy"]
