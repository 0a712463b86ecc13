"""A database as full as after years of use: rows alone, no files behind them."""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts.models import ApiToken, Invitation, User
from images.models import Cutout, Image, MonthlyUsage, Rendition, Status, Usage, WorkerProcess
from images.services.quotas import month_of
from images.services.statistics import roll_up

BATCH = 2000
DAYS = 60
CODES = ("nothing_found", "truncated_image", "too_many_attempts", "internal_error", "cancelled")
QUEUED, RUNNING = 200, 2


def fill(*, pictures: int, people: int, seed: int = 1) -> User:
    """Make the rows; returns a superuser. As many cutouts and renditions as pictures."""
    chance = random.Random(seed)  # noqa: S311 - the same rows every time, nothing secret
    admin = User.objects.create_superuser("admin@example.com", "bench")
    nobody = make_password(None)
    owners = User.objects.bulk_create(
        User(email=f"person{number}@example.com", password=nobody, max_images=number or None)
        for number in range(people)
    )
    with transaction.atomic():
        rows = _pictures(owners, pictures, chance)
        while batch := list(islice(rows, BATCH)):
            for position, model in enumerate((Image, Cutout, Rendition)):
                model.objects.bulk_create(row[position] for row in batch)  # type: ignore[attr-defined]
    _count_usage()
    _around_people(admin, owners)
    while roll_up():
        pass
    return admin


def _pictures(
    owners: list[User], count: int, chance: random.Random
) -> Iterator[tuple[Image, Cutout, Rendition]]:
    now = timezone.now()
    for number in range(count):
        when = now - timedelta(seconds=chance.uniform(60, DAYS * 86_400))
        owner = owners[int(len(owners) * chance.random() ** 2)]  # some have far more than others
        yield _picture(owner, when, _fate(number, count, chance), number)


def _fate(number: int, count: int, chance: random.Random) -> dict[str, Any]:
    if number >= count - RUNNING:
        return {"status": Status.RUNNING, "worker": "elsewhere/1:1:1"}
    if number >= count - RUNNING - QUEUED:
        return {"status": Status.QUEUED}
    if chance.random() < 0.03:
        return {"status": Status.FAILED, "error_code": chance.choice(CODES)}
    rated = {"rating": chance.choice(("up", "up", "up", "down")), "rating_reason": "a reason"}
    return {"status": Status.DONE, "matte": "cutouts/m.png"} | (
        rated if chance.random() < 0.02 else {}
    )


def _picture(
    owner: User, when: datetime, fate: dict[str, Any], number: int
) -> tuple[Image, Cutout, Rendition]:
    image_id, cutout_id = uuid.uuid4(), uuid.uuid4()
    status = fate["status"]
    over = status in (Status.DONE, Status.FAILED)
    image = Image(
        id=image_id,
        owner=owner,
        original=f"originals/{image_id}/original.jpg",
        original_name=f"IMG_{number:06}.jpg",
        content_type="image/jpeg",
        width=4000,
        height=3000,
        byte_size=2_500_000 + number,
        sha256=f"{number:064x}",
        created_at=when,
        latest_cutout_id=cutout_id,
        current_cutout_id=cutout_id if status == Status.DONE else None,
    )
    cutout = Cutout(
        id=cutout_id,
        image=image,
        owner=owner,
        engine="u2net",
        extract_spec="engine=u2net",
        created_at=when,
        queued_at=when,
        started_at=None if status == Status.QUEUED else when,
        finished_at=when + timedelta(milliseconds=900 + number % 700) if over else None,
        lease_until=timezone.now() + timedelta(hours=1) if status == Status.RUNNING else None,
        rated_at=when + timedelta(minutes=1) if "rating" in fate else None,
        **fate,
    )
    rendition = Rendition(
        cutout=cutout, spec="format=webp", file="r.webp", width=1, height=1, byte_size=9000
    )
    return image, cutout, rendition


def _count_usage() -> None:
    kept = Image.objects.order_by().values("owner").annotate(Count("pk"), Sum("byte_size"))
    Usage.objects.bulk_create(
        Usage(owner_id=row["owner"], images=row["pk__count"], bytes=row["byte_size__sum"])
        for row in kept
    )
    MonthlyUsage.objects.bulk_create(
        MonthlyUsage(owner_id=row["owner"], month=month_of(timezone.now()), cutouts=9)
        for row in kept
    )


def _around_people(admin: User, owners: list[User]) -> None:
    later = timezone.now() + timedelta(days=7)
    WorkerProcess.objects.create(id="elsewhere/1:1:1", host="elsewhere", pid=1, warm=True)
    for owner in owners:
        ApiToken.objects.issue(user=owner, name="Key")
        session = SessionStore()
        session.create()
        UserSession.objects.create(
            user=owner, ip="192.0.2.1", session_key=session.session_key, user_agent="curl/8"
        )
    Invitation.objects.bulk_create(
        Invitation(email=owner.email, token_hash=str(owner.pk), invited_by=admin, expires_at=later)
        for owner in owners
    )
    LogEntry.objects.bulk_create(
        LogEntry(user=admin, action_flag=CHANGE, object_repr=owner.email, change_message="Changed.")
        for owner in owners
    )
