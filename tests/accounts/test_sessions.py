"""Where somebody is signed in, and ending that."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import activity
from accounts.devices import describe
from accounts.models import ApiToken, User
from images.services.housekeeping import forget_ended_sessions
from tests.accounts.people import PASSWORD, is_signed_in, sign_in, with_passkey

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)


def page_of(client: Client) -> str:
    return client.get(reverse("usersessions_list")).content.decode()


def session_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


class TestTheList:
    def test_says_which_is_which(self, owner: User) -> None:
        here = sign_in(owner, **{"User-Agent": FIREFOX})
        sign_in(owner, **{"User-Agent": IPHONE})
        page = page_of(here)
        assert "Firefox on Windows" in page
        assert "Safari on iPhone" in page
        assert page.count("this one") == 1
        assert "127.0.0.1" in page
        assert "API token are not sessions" in page

    def test_says_since_when(self, owner: User) -> None:
        here = sign_in(owner)
        noon = datetime(2026, 3, 4, 13, 37, tzinfo=UTC)
        UserSession.objects.update(created_at=noon)
        assert "March 4, 2026, 1:37 p.m." in page_of(here)

    def test_those_of_others_are_not_there(self, owner: User, stranger: User) -> None:
        sign_in(stranger, **{"User-Agent": IPHONE})
        page = page_of(sign_in(owner, **{"User-Agent": FIREFOX}))
        assert "iPhone" not in page

    def test_a_made_up_browser_is_text(self, owner: User) -> None:
        client = sign_in(owner, **{"User-Agent": "<script>alert(1)</script>" * 50})
        assert "<script>alert" not in page_of(client)
        assert len(session_of(client).user_agent) == 200

    def test_ways_of_signing_in_that_are_not_the_form(self, owner_client: Client) -> None:
        assert "this one" in page_of(owner_client)

    def test_queries_do_not_grow(
        self, owner: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        here = sign_in(owner)
        for count in (1, 3):
            with django_assert_num_queries(4):  # the session, the person, the rows, the sessions
                assert page_of(here).count('data-label="Browser"') == count
            sign_in(owner)
            sign_in(owner)

    def test_those_that_are_over_are_not_there(self, owner: User) -> None:
        here, old, deleted = sign_in(owner), sign_in(owner), sign_in(owner)
        past = timezone.now() - timedelta(days=1)
        for_old = Session.objects.filter(session_key=old.session.session_key)
        for_old.update(expire_date=past)
        Session.objects.filter(session_key=deleted.session.session_key).delete()
        assert page_of(here).count('data-label="Browser"') == 1
        assert UserSession.objects.count() == 1


class TestEnding:
    def test_one(self, owner: User) -> None:
        here, there = sign_in(owner), sign_in(owner)
        address = reverse("accounts:end_session", args=[session_of(there).pk])
        assert here.get(address).status_code == 405
        assert here.post(address)["Location"] == reverse("usersessions_list")
        assert not is_signed_in(there)
        assert is_signed_in(here)

    def test_ones_own_signs_out(self, owner: User) -> None:
        here = sign_in(owner)
        address = reverse("accounts:end_session", args=[session_of(here).pk])
        assert here.post(address)["Location"] == reverse("account_login")
        assert not is_signed_in(here)

    def test_never_that_of_another(self, owner: User, stranger: User) -> None:
        theirs = sign_in(stranger)
        address = reverse("accounts:end_session", args=[session_of(theirs).pk])
        assert sign_in(owner).post(address).status_code == 404
        assert is_signed_in(theirs)

    def test_all_others(self, owner: User, stranger: User) -> None:
        here, there, theirs = sign_in(owner), sign_in(owner), sign_in(stranger)
        key = ApiToken.objects.issue(user=owner, name="t")[1]
        here.post(reverse("usersessions_list"))
        assert is_signed_in(here)
        assert not is_signed_in(there)
        assert is_signed_in(theirs)
        assert ApiToken.objects.find(key) is not None

    def test_a_new_password_ends_all_others(self, owner: User) -> None:
        here, there = sign_in(owner), sign_in(owner)
        new = "another horse battery"
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        here.post(reverse("account_change_password"), form)
        assert is_signed_in(here)
        assert not is_signed_in(there)
        assert page_of(here).count("<tr>") == 2


class TestActivity:
    def test_is_not_written_with_every_request(
        self, owner: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = sign_in(owner)
        client.get(reverse("accounts:tokens"))
        seen = session_of(client).last_seen_at
        with django_assert_num_queries(3):  # the session, the person, the tokens
            client.get(reverse("accounts:tokens"))
        assert session_of(client).last_seen_at == seen

    def test_but_after_five_minutes(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        client = sign_in(owner)
        hour_ago = timezone.now() - timedelta(hours=1)
        UserSession.objects.update(last_seen_at=hour_ago)
        client.get("/account/tokens/", REMOTE_ADDR="192.0.2.7")
        assert session_of(client).last_seen_at == hour_ago
        monkeypatch.setattr(activity, "EVERY_SECONDS", 0)
        client.get("/account/tokens/", REMOTE_ADDR="192.0.2.7")
        session = session_of(client)
        assert session.last_seen_at > hour_ago
        assert session.ip == "192.0.2.7"

    def test_programs_with_a_key_have_no_session(self, owner: User) -> None:
        key = ApiToken.objects.issue(user=owner, name="t")[1]
        answer = Client().get("/api/v1/account/", headers={"Authorization": f"Token {key}"})
        assert answer.status_code == 200
        assert not UserSession.objects.exists()

    def test_memory_is_bounded(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(activity, "REMEMBERED", 3)
        for _ in range(10):
            sign_in(owner)
            assert len(activity._noted) <= 3


class TestTidyingUp:
    def test_rows_go_with_their_sessions(self, owner: User) -> None:
        kept, gone = sign_in(owner), sign_in(owner)
        Session.objects.filter(session_key=gone.session.session_key).delete()
        assert forget_ended_sessions() == 1
        assert [row.session_key for row in UserSession.objects.all()] == [kept.session.session_key]

    def test_signing_out_takes_the_row_along(self, owner: User) -> None:
        client = sign_in(owner)
        client.post(reverse("account_logout"))
        forget_ended_sessions()
        assert not UserSession.objects.exists()


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) Version/18.5 Safari/605", "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
    ],
)
def test_words_for_browsers(user_agent: str, words: str) -> None:
    assert describe(user_agent) == words


def test_the_account_page_tells_the_state(owner: User) -> None:
    client = sign_in(owner)
    assert "Manage two-factor" in client.get(reverse("web:account")).content.decode()
    with_passkey(owner)
    assert "1 passkey" in client.get(reverse("web:account")).content.decode()
