"""The first account of an installation."""

import threading
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import ApiToken, Signup, SiteSettings, User
from accounts.services.errors import AddressTaken, WrongCode
from accounts.services.first_run import Memory, create_first_administrator, first_run_code
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a calm green harbour 17"
EMAIL = "first@example.com"


@pytest.fixture(autouse=True)
def fresh(in_use: None) -> None:
    """A process of a new installation, which has seen nobody yet."""
    Memory.has_people = False


@pytest.fixture
def code() -> str:
    found = first_run_code()
    assert found
    return found


def fill_in(**changes: str) -> dict[str, str]:
    form = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD, "signup": "invitation"}
    return form | changes


class TestTheCode:
    def test_stays_the_same_until_it_is_used(self, code: str) -> None:
        assert first_run_code() == code
        assert len(code) >= 22  # of an alphabet of 64: 128 bits and more

    def test_is_gone_once_there_is_a_superuser(self, code: str) -> None:
        UserFactory.create(is_superuser=True)
        assert first_run_code() is None
        assert SiteSettings.objects.get().first_run_code == ""

    def test_is_still_there_beside_people_without_rights(self, code: str, owner: User) -> None:
        UserFactory.create(is_superuser=True, is_active=False)
        UserFactory.create(is_staff=True)
        assert first_run_code() == code

    @pytest.mark.django_db(transaction=True)
    def test_is_one_for_processes_that_start_together(self) -> None:
        found = in_threads(8, first_run_code)
        assert len(set(found)) == 1
        assert found[0]


class TestMakingTheAdministrator:
    def make(self, code: str, **changes: Any) -> User:
        arguments = {"email": EMAIL, "password": PASSWORD, "signup": Signup.CLOSED} | changes
        return create_first_administrator(code=code, **arguments)

    def test_makes_a_superuser_and_decides_on_sign_up(self, code: str) -> None:
        user = self.make(code)
        assert user.is_superuser
        assert user.is_staff
        assert user.check_password(PASSWORD)
        assert EmailAddress.objects.get().verified
        assert SiteSettings.objects.get().signup == Signup.CLOSED

    def test_only_once(self, code: str) -> None:
        self.make(code)
        with pytest.raises(WrongCode):
            self.make(code, email="second@example.com")

    @pytest.mark.parametrize("wrong", ["", "x", "ü"])
    def test_only_with_the_code(self, code: str, wrong: str) -> None:
        with pytest.raises(WrongCode):
            self.make(wrong)
        assert not User.objects.exists()

    def test_not_beside_a_superuser(self, code: str, admin: User) -> None:
        with pytest.raises(WrongCode):
            self.make(code)

    def test_a_weak_password_costs_nothing(self, code: str) -> None:
        with pytest.raises(ValidationError):
            self.make(code, password="12345678")
        assert self.make(code).is_superuser

    def test_an_account_that_only_has_a_token(self, code: str) -> None:
        call_command("issue_token", "First@example.com", stdout=StringIO(), stderr=StringIO())
        user = self.make(code)
        assert user.check_password(PASSWORD)
        assert User.objects.get().is_superuser
        assert ApiToken.objects.get().user == user

    def test_an_account_from_before_needs_its_password(self, code: str, owner: User) -> None:
        with pytest.raises(AddressTaken):
            self.make(code, email=owner.email)
        owner.refresh_from_db()
        assert not owner.is_superuser
        self.make(code, email=owner.email, password="correct horse battery")
        owner.refresh_from_db()
        assert owner.is_superuser

    def test_an_account_that_is_switched_off(self, code: str) -> None:
        UserFactory.create(email=EMAIL, is_active=False)
        with pytest.raises(AddressTaken):
            self.make(code, password="correct horse battery")

    @pytest.mark.django_db(transaction=True)
    def test_two_people_with_the_code(self) -> None:
        code = first_run_code()
        assert code

        def try_to(number: int) -> bool:
            try:
                self.make(code, email=f"{number}@example.com")
            except WrongCode:
                return False
            return True

        assert sorted(in_threads(6, try_to)) == [False] * 5 + [True]
        assert User.objects.count() == 1


def in_threads(count: int, act: Any) -> list[Any]:
    """What `act` returns when so many do it at once; it is told its number if it wants that."""
    results: list[Any] = []
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            results.append(act(number) if act.__code__.co_argcount else act())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


class TestThePage:
    @pytest.mark.parametrize(
        "path", ["/", "/workspace/", "/accounts/login/", "/accounts/signup/", "/admin/", "/nothing"]
    )
    def test_every_page_leads_to_it(self, client: Client, path: str) -> None:
        response = client.get(path)
        assert response.status_code == 302
        assert response.headers["Location"] == "/first-run/"

    def test_programs_are_answered_as_ever(self, client: Client) -> None:
        assert client.get("/api/v1/images/").status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/docs/").status_code == 200

    def test_is_over_when_there_is_an_account(self, client: Client, owner: User) -> None:
        assert client.get("/").status_code == 200
        assert client.get("/first-run/").status_code == 200

    def test_costs_no_query_later(
        self, owner: User, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client.get("/accounts/login/")
        with django_assert_num_queries(0):
            client.get("/static/nothing.css")
            client.get("/no/such/page/")

    def test_the_link_and_the_form(self, client: Client, code: str) -> None:
        response = client.get("/first-run/", {"code": code})
        assert (response.status_code, response.headers["Location"]) == (302, "/first-run/")
        page = client.get("/first-run/")
        assert code not in page.content.decode()
        assert page.headers["Referrer-Policy"] == "same-origin"
        response = client.post("/first-run/", fill_in())
        assert response.headers["Location"] == "/workspace/"
        assert client.get("/workspace/").status_code == 200
        assert User.objects.get().is_superuser
        assert SiteSettings.objects.get().signup == Signup.INVITATION

    def test_strangers_are_kept_out_unless_one_says_otherwise(
        self, client: Client, code: str
    ) -> None:
        page = client.get("/first-run/").content.decode()
        assert '<option value="invitation" selected>' in page
        client.post("/first-run/", fill_in(code=code, signup="open"))
        assert SiteSettings.objects.get().signup == Signup.OPEN

    def test_the_code_may_be_typed(self, client: Client, code: str) -> None:
        assert "code" in client.get("/first-run/").context["form"].fields
        client.post("/first-run/", fill_in(code=f" {code} "))
        assert User.objects.get().is_superuser

    def test_a_wrong_link(self, client: Client, code: str) -> None:
        page = client.get("/first-run/", {"code": "wrong"})
        assert page.status_code == 403
        assert "not, or no longer, valid" in page.content.decode()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"code": "wrong"}, "code"),
            ({"code": ""}, "code"),
            ({"password2": "another"}, "password2"),
            ({"password1": "12345678", "password2": "12345678"}, "password1"),
            ({"email": "nobody"}, "email"),
            ({"signup": "x"}, "signup"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, client: Client, code: str, changes: dict[str, str], field: str
    ) -> None:
        page = client.post("/first-run/", fill_in(**{"code": code, **changes}))
        assert list(page.context["form"].errors) == [field]
        assert not User.objects.exists()

    def test_guessing_is_slowed_down(self, client: Client, code: str, settings: Settings) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"first_run": "3/m/ip"}
        answers = [client.get("/first-run/", {"code": "x"}).status_code for _ in range(4)]
        assert answers == [403, 403, 403, 429]
        assert client.post("/first-run/", fill_in(code=code)).status_code == 429

    def test_where_the_environment_decides_on_sign_up(
        self, client: Client, code: str, settings: Settings
    ) -> None:
        settings.SIGNUP = "closed"
        client.get("/first-run/", {"code": code})
        assert "signup" not in client.get("/first-run/").context["form"].fields
        client.post("/first-run/", fill_in())
        assert User.objects.get().is_superuser

    def test_afterwards(self, client: Client, code: str, admin: User) -> None:
        response = client.get("/first-run/", {"code": code})
        assert response.headers["Location"] == "/accounts/login/"
        assert client.post("/first-run/", fill_in(code=code)).status_code == 302
        assert User.objects.get() == admin


class TestCommands:
    def link(self) -> str:
        out = StringIO()
        call_command("first_run_link", stdout=out)
        return out.getvalue().strip()

    def test_the_link_again(self, code: str, settings: Settings) -> None:
        settings.PORT, settings.ALLOWED_HOSTS = 8123, ["*"]
        assert self.link() == f"http://localhost:8123/first-run/?code={code}"

    def test_the_link_in_production(self, code: str, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = [".example.com"]
        settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
        assert self.link() == f"https://example.com/first-run/?code={code}"

    def test_no_link_any_more(self, admin: User) -> None:
        with pytest.raises(CommandError, match="already"):
            self.link()

    def test_createsuperuser_without_weights(
        self, code: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DEFAULT_ENGINE = "no such engine"
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
        call_command("createsuperuser", email=EMAIL, interactive=False, stdout=StringIO())
        assert User.objects.get().is_superuser
        assert EmailAddress.objects.get().verified
        assert SiteSettings.objects.get().first_run_code == ""
