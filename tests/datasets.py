"""Where the test pictures are that cannot be part of the project: their rights are unknown.

CLEARCUT_TEST_DATA names their folder; without it, it is looked for beside the checkout.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("CLEARCUT_TEST_DATA") or ROOT.parent / "shared" / "data")


def test_pictures(name: str) -> list[Path]:
    """The files of one folder ("photos", "awkward"), sorted; skips the test if there is none."""
    files = sorted(path for path in (FOLDER / name).glob("*") if path.is_file())
    if not files:
        pytest.skip(f"no test pictures in {FOLDER / name} (CLEARCUT_TEST_DATA names the folder)")
    return files


test_pictures.__test__ = False  # type: ignore[attr-defined]
