"""Asks the package index whether every locked package has a wheel for a kind of machine.

    .venv/bin/python scripts/wheels.py [PLATFORM ...]

Without arguments: Linux on Intel and on ARM, with Python 3.11. Downloads nothing that is kept.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-s3.txt")
PLATFORMS = ("x86_64", "aarch64")
GLIBC = (17, 24, 26, 27, 28, 31, 34, 35, 36)  # Debian 12 has 36


def main() -> int:
    wanted = sys.argv[1:] or list(PLATFORMS)
    return max(check(platform) for platform in wanted)


def check(platform: str) -> int:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"]
    for tag in [f"manylinux_2_{minor}" for minor in GLIBC] + ["manylinux2014"]:
        command += ["--platform", f"{tag}_{platform}"]
    for lock in LOCKS:
        command += ["-r", str(ROOT / lock)]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--dest", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        count = len(list(Path(folder).iterdir()))
    print(f"{platform}: {done.stderr if done.returncode else f'all {count} packages have a wheel'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
