"""Programs that some tests need and that pip does not bring."""

import os
import shutil

import pytest


def find_program(*names: str) -> str:
    """The path of the first of `names` on PATH. Without one the test is skipped, or fails where
    nothing may be missing: .ci/run installs them all and sets CLEARCUT_REQUIRE_ALL=1."""
    for name in names:
        if path := shutil.which(name):
            return path
    reason = f"{names[0]} is not installed"
    if os.environ.get("CLEARCUT_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
