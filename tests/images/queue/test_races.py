"""Processes that race for rows never get the same one, on either database."""

import json

import pytest

from images.models import Cutout, Status
from tests.databases import SharedDatabase
from tests.factories import UserFactory
from tests.images.queue.conftest import make_cutout, make_image

ROWS = 200
CODE = """
import json
from images.queue.claims import claim_next, finish
print("ready", flush=True)
sys.stdin.readline()
rows = []
while claimed := claim_next(Cutout, worker=str(os.getpid())):
    row, claim = claimed
    rows.append(str(row.pk))
    assert finish(Cutout, claim, matte="matte.png")
print(json.dumps(rows))
"""


@pytest.fixture(params=["shared_file", "shared_server"])
def database(request: pytest.FixtureRequest) -> SharedDatabase:
    database: SharedDatabase = request.getfixturevalue(request.param)
    return database


def test_racing_processes_share_no_row(database: SharedDatabase) -> None:
    people = UserFactory.create_batch(3)
    images = [make_image(person) for person in people]
    for number in range(ROWS):
        make_cutout(people[number % 3], images[number % 3])
    racers = [database.start(CODE, stdin=-1) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    answers = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        output, _ = racer.communicate(timeout=60)
        assert racer.returncode == 0
        answers.append(json.loads(output))
    claimed = [row for rows in answers for row in rows]
    assert len(claimed) == len(set(claimed)) == ROWS
    assert all(answers), "both got some"
    assert not Cutout.objects.exclude(status=Status.DONE, claims=1).exists()
