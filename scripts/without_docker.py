"""Does what the Dockerfile says, in a folder instead of an image, and tries what comes out.

    python3.11 scripts/without_docker.py FOLDER [--python /usr/bin/python3.11]

For machines without a Docker engine. The steps are read from the Dockerfile, so that they cannot
drift: COPY with .dockerignore, ENV, WORKDIR, RUN, and CMD at the end, as an ordinary user, with
/app and /data below FOLDER. What only root can do (packages, accounts) is named and left out. Then
one picture is sent through the web server, and the memory that all took is measured.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDS_ROOT = ("apt-get", "useradd")
PLACES = re.compile(r"(?<![\w/.-])/(app|data)\b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--python", default=sys.executable, help="stands for that of the base image"
    )
    options = parser.parse_args()
    if os.geteuid() == 0:
        sys.exit("Run this as an ordinary user: the image is meant for one.")
    stages: dict[str, Stage] = {}
    for name, instructions in read_stages((ROOT / "Dockerfile").read_text()):
        stage = Stage(options.folder.absolute() / name, options.python, stages)
        for word, rest in instructions:
            stage.perform(word, rest)
        stages[name] = stage
    stages["final"].try_out()


def read_stages(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(name of the stage, its instructions as pairs) in order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    stages: list[tuple[str, list[tuple[str, str]]]] = []
    for line in joined:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append((rest.partition(" AS ")[2] or "final", []))
        else:
            stages[-1][1].append((word, rest.strip()))
    return stages


class Stage:
    def __init__(self, root: Path, python: str, others: dict[str, "Stage"]) -> None:
        shutil.rmtree(root, ignore_errors=True)
        self.root, self.others, self.command = root, others, ""
        self.workdir = root
        programs = root / "programs"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(python)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(root),
        }

    def perform(self, word: str, rest: str) -> None:
        if word == "CMD":
            self.command = self.below(shlex.join(json.loads(rest)))
        elif word == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(rest))
            self.environment |= {name: self.below(value) for name, _, value in pairs}
        elif word == "WORKDIR":
            self.workdir = Path(self.below(rest))
            self.workdir.mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            self.copy(shlex.split(rest))
        elif word == "RUN":
            self.run(rest)

    def below(self, text: str) -> str:
        return PLACES.sub(lambda place: f"{self.root}/{place[1]}", text)

    def run(self, command: str) -> None:
        if any(word in command for word in NEEDS_ROOT):
            print(f"left out, needs root: {command}")
            return
        print(f"RUN {command}", flush=True)
        script = ["/bin/bash", "-o", "pipefail", "-c", self.below(command)]
        subprocess.run(script, cwd=self.workdir, env=self.environment, check=True)

    def copy(self, words: list[str]) -> None:
        options = dict(word[2:].split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        place = self.workdir / self.below(target)
        if "from" in options:
            other = self.others[options["from"]]
            shutil.copytree(other.below(sources[0]), place, symlinks=True, dirs_exist_ok=True)
            if sources[0].endswith(".venv"):  # it knows where it lies
                self.mend(place, other.root)
            return
        for name in allowed() if sources == ["."] else sources:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "bench")
                shutil.copytree(source, place / name, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copy2(source, place / name)

    def mend(self, venv: Path, old: Path) -> None:
        for path in [venv / "pyvenv.cfg", *(venv / "bin").iterdir()]:
            if path.is_file() and not path.is_symlink():
                path.write_text(path.read_text().replace(str(old), str(self.root)))
        for link in (path for path in (venv / "bin").iterdir() if path.is_symlink()):
            target = str(link.readlink()).replace(str(old), str(self.root))
            link.unlink()
            link.symlink_to(target)

    def try_out(self) -> None:
        """The container as it would be: nothing of the builder's environment."""
        sizes = {name: size_of(self.root / "app" / name) for name in (".venv", "models", ".")}
        print("MB in the image:", sizes, "data", size_of(self.root / "data"))
        environment = {
            name: v for name, v in self.environment.items() if not name.startswith("PIP")
        }
        environment |= {"PORT": "8797", "WORKERS": "1", "WEB_WORKERS": "1"}
        began = time.monotonic()
        process = subprocess.Popen(shlex.split(self.command), cwd=self.workdir, env=environment)
        try:
            wait_for("http://localhost:8797/readyz", 600)
            print(f"ready after {time.monotonic() - began:.1f} s")
            key = self.manage(environment, "issue_token", "someone@example.com")
            print("cut out:", send(key, picture(self.workdir, environment)))
            print(f"MB of memory, after one picture of 12 megapixels: {memory_of(process.pid)}")
            probe = [".venv/bin/python", "scripts/probe.py"]
            print("health:", subprocess.run(probe, cwd=self.workdir, env=environment).returncode)  # noqa: PLW1510
        finally:
            process.terminate()
            print("ended with", process.wait(60))

    def manage(self, environment: dict[str, str], *words: str) -> str:
        command = [".venv/bin/python", "manage.py", *words]
        done = subprocess.run(
            command, cwd=self.workdir, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def allowed() -> list[str]:
    """What .dockerignore lets through: it forbids everything and names exceptions."""
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    return [line[1:] for line in lines if line.startswith("!")]


def size_of(folder: Path) -> int:
    done = subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def wait_for(url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def picture(folder: Path, environment: dict[str, str]) -> bytes:
    """A disc on a plain ground, 4000 by 3000, as JPEG; drawn with the image's own Pillow."""
    code = (
        "import sys; from PIL import Image, ImageDraw; i = Image.new('RGB', (4000, 3000), 'white');"
        "ImageDraw.Draw(i).ellipse((1000, 500, 3000, 2500), fill=(200, 40, 30));"
        "i.save(sys.stdout.buffer, 'JPEG')"
    )
    command = [".venv/bin/python", "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout


def send(key: str, content: bytes) -> str:
    head = 'Content-Disposition: form-data; name="file"; filename="disc.jpg"'
    body = b"--x\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    headers = {
        "Authorization": f"Token {key}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Prefer": "wait=30",
    }
    request = urllib.request.Request("http://localhost:8797/api/v1/images/", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["cutout"]["status"])


def memory_of(pid: int) -> int:
    """Megabytes of a process and all below it; what they share is counted once."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)  # noqa: PLW1510
    total = sum(memory_of(int(child)) for child in children.stdout.split())
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return total + (int(match[1]) // 1024 if match else 0)


if __name__ == "__main__":
    main()
