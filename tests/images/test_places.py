"""Places for requests that wait: bounded together, and for each person."""

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
