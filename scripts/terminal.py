"""Passes on what the processes write, without ever making them wait."""

import os
import queue
import threading
from typing import IO

STDOUT = 1


class Terminal:
    """Copies `source`, line by line, to our output.

    If nobody reads that, lines are dropped: a full pipe would otherwise bring the whole
    application to a halt, for a program that started it and reads only up to the ready line.
    """

    def __init__(self, source: IO[bytes], *, output: int = STDOUT) -> None:
        self._output = output
        self._lines: queue.Queue[bytes | None] = queue.Queue(maxsize=2000)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()
        threading.Thread(target=self._read, args=[source], daemon=True).start()

    def say(self, text: str) -> None:
        self._put(f"{text}\n".encode())

    def close(self) -> None:
        """Gives what is waiting a second to be read."""
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._writer.join(1)

    def _read(self, source: IO[bytes]) -> None:
        for line in source:
            self._put(line)

    def _put(self, line: bytes) -> None:
        try:
            if self._dropped:
                self._lines.put_nowait(b"... %d lines were left out here\n" % self._dropped)
                self._dropped = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                # Not sys.stdout: a thread stuck in its lock would break the end of the process.
                os.write(self._output, line)
            except OSError:  # the terminal is gone; the application goes on without
                self._output = os.open(os.devnull, os.O_WRONLY)
