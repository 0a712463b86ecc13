"""The cache in files: limits on attempts and codes that work once rest on it."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import time_machine

from config.cache import FileCache


def cache_in(folder: Path) -> FileCache:
    return FileCache(str(folder), {})


def add(folder: str) -> list[bool]:
    cache = cache_in(Path(folder))
    return [cache.add(f"key-{number}", "x", 60) for number in range(200)]


def test_of_several_processes_one_adds(tmp_path: Path) -> None:
    with get_context("spawn").Pool(3) as pool:
        added = pool.map(add, [str(tmp_path)] * 3)
    assert [sum(each) for each in zip(*added, strict=True)] == [1] * 200


def test_of_several_threads_one_adds(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, [str(tmp_path)] * 4))
    assert [sum(each) for each in zip(*added, strict=True)] == [1] * 200


def test_what_has_expired_can_be_added_again(tmp_path: Path) -> None:
    cache = cache_in(tmp_path / "new" / "folder")
    with time_machine.travel(0) as clock:
        assert cache.add("key", 1, timeout=10)
        assert not cache.add("key", 2, timeout=10)
        assert cache.get("key") == 1
        clock.shift(11)
        assert cache.add("key", 3, timeout=10)
        assert cache.get("key") == 3
