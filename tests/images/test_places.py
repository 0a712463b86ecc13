"""Places for requests that wait: bounded together, and for each person."""

import threading
import time
from contextlib import ExitStack
from uuid import uuid4

import pytest

from images.services.errors import Busy
from images.services.places import Places


def test_one_person_never_has_all() -> None:
    places, one, other = Places(4), uuid4(), uuid4()
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(places.taken(one))
        with pytest.raises(Busy):
            held.enter_context(places.taken(one))
        held.enter_context(places.taken(other))
        with pytest.raises(Busy):
            held.enter_context(places.taken(uuid4()))
    with places.taken(one):
        pass


def test_a_single_place_is_for_whoever_comes() -> None:
    places = Places(1)
    with places.taken(uuid4()), pytest.raises(Busy), places.taken(uuid4()):
        pass


def test_who_is_patient_gets_the_next_place() -> None:
    places = Places(1, standing=1)
    leave, inside = threading.Event(), threading.Event()

    def sit() -> None:
        with places.taken(uuid4()):
            inside.set()
            leave.wait(10)

    sitting = threading.Thread(target=sit)
    sitting.start()
    assert inside.wait(10)
    threading.Timer(0.2, leave.set).start()
    began = time.monotonic()
    with places.taken(uuid4(), patience=10):
        assert 0.1 < time.monotonic() - began < 9
    sitting.join()


def test_patience_ends() -> None:
    places = Places(1, standing=1)
    began = time.monotonic()
    with places.taken(uuid4()), pytest.raises(Busy), places.taken(uuid4(), patience=0.2):
        pass
    assert 0.2 <= time.monotonic() - began < 5


def test_only_so_many_stand() -> None:
    places = Places(1, standing=1)
    standing = threading.Thread(target=lambda: _try(places, 2.0))
    with places.taken(uuid4()):
        standing.start()
        while not places._standing:
            time.sleep(0.005)
        began = time.monotonic()
        with pytest.raises(Busy), places.taken(uuid4(), patience=10):
            pass
        assert time.monotonic() - began < 1
    standing.join()


def _try(places: Places, patience: float) -> None:
    with places.taken(uuid4(), patience=patience):
        pass
