import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scripts.terminal import Terminal

FLOOD = "for i in range(100_000): print(f'{i:06} a line that somebody wrote')"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def start_flood() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE)


def test_passes_lines_on_in_order(pipe: tuple[int, int]) -> None:
    source = subprocess.Popen(["printf", r"one\ntwo\n"], stdout=subprocess.PIPE)
    assert source.stdout is not None
    terminal = Terminal(source.stdout, output=pipe[1])
    source.wait(10)
    assert os.read(pipe[0], 4) == b"one\n"
    assert os.read(pipe[0], 4) == b"two\n"
    terminal.say("three")
    assert os.read(pipe[0], 100) == b"three\n"
    terminal.close()


def test_output_that_nobody_reads_stops_nothing(pipe: tuple[int, int]) -> None:
    source = start_flood()
    assert source.stdout is not None
    terminal = Terminal(source.stdout, output=pipe[1])
    assert source.wait(30) == 0  # 3 MB went through, the pipe holds 64 KB
    assert os.read(pipe[0], 7) == b"000000 "
    terminal.close()


def test_goes_on_when_the_terminal_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    source = start_flood()
    assert source.stdout is not None
    terminal = Terminal(source.stdout, output=writing)
    assert source.wait(30) == 0
    terminal.close()
    os.close(writing)
