"""What somebody meets who guesses passwords, or asks who has an account."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.adapter import AccountAdapter
from accounts.models import User
from tests.accounts.people import (
    PASSWORD,
    code_of,
    is_signed_in,
    post_password,
    send_code,
    sign_in,
    with_totp,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

WRONG = "wrong"
SLOWED = "Too many failed login attempts"


def guess(user: User, password: str = WRONG, **options: Any) -> str:
    return str(post_password(Client(), user, password, **options).content.decode())


@pytest.mark.usefixtures("limits")
class TestPasswords:
    def test_of_one_account_from_many_addresses(self, owner: User) -> None:
        for number in range(5):
            assert SLOWED not in guess(owner, REMOTE_ADDR=f"192.0.2.{number}")
        assert SLOWED in guess(owner, PASSWORD, REMOTE_ADDR="192.0.2.99")

    def test_of_many_accounts_from_one_address(self, owner: User) -> None:
        people = UserFactory.create_batch(10)
        for person in people:
            assert SLOWED not in guess(person)
        assert SLOWED in guess(owner)
        assert SLOWED not in guess(owner, REMOTE_ADDR="192.0.2.1")

    def test_another_spelling_or_host_name_makes_no_new_account_of_it(self, owner: User) -> None:
        spellings = ["owner@example.com", "OWNER@example.com", " Owner@Example.Com "]
        for number in range(5):
            form = {"login": spellings[number % 3], "password": "wrong"}
            host = f"name{number}.example"
            Client().post(reverse("account_login"), form, headers={"Host": host})
        assert SLOWED in guess(owner, PASSWORD)

    def test_signing_in_between_does_not_start_it_anew(self, owner: User, stranger: User) -> None:
        for _ in range(4):
            guess(owner)
            post_password(Client(), stranger)
        guess(owner)
        assert SLOWED in guess(owner, PASSWORD)

    @pytest.mark.parametrize("proxies", [0, 1, 2])
    def test_a_made_up_address_does_not_help(
        self, proxies: int, owner: User, settings: Settings
    ) -> None:
        """Proxies add to X-Forwarded-For at its end; what stands before is anybody's word."""
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
        people = UserFactory.create_batch(10)
        true_end = ["198.51.100.7", "10.0.0.2"][: max(proxies, 0)]
        for number, person in enumerate(people):
            forwarded = ", ".join([f"192.0.2.{number}", *true_end])
            assert SLOWED not in guess(person, headers={"X-Forwarded-For": forwarded})
        forwarded = ", ".join(["192.0.2.99", *true_end])
        assert SLOWED in guess(owner, PASSWORD, headers={"X-Forwarded-For": forwarded})

    def test_once_signed_in(self, owner: User, owner_client: Client) -> None:
        """Neither the page that asks again nor the one for a new password is a way around."""
        address = reverse("account_reauthenticate")
        answers = [owner_client.post(address, {"password": "wrong"}) for _ in range(6)]
        assert SLOWED in answers[-1].content.decode()
        form = {"oldpassword": "wrong", "password1": "y" * 12, "password2": "y" * 12}
        change = reverse("account_change_password")
        statuses = [owner_client.post(change, form).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]

    @pytest.mark.parametrize(
        ("name", "form", "allowed"),
        [
            ("account_login", {"login": "x", "password": "x"}, 30),
            ("account_signup", {"email": "x", "password1": "x"}, 20),
            ("account_reset_password", {"email": "someone@example.com"}, 5),
        ],
    )
    def test_the_page_that_says_so(
        self, name: str, form: dict[str, str], allowed: int, client: Client, owner: User
    ) -> None:
        statuses = {client.post(reverse(name), form).status_code for _ in range(allowed)}
        assert statuses <= {200, 302}
        response = client.post(reverse(name), form)
        assert (response.status_code, response["Retry-After"]) == (429, "300")
        assert "Too many attempts" in response.content.decode()
        assert "css/tokens.css" in response.content.decode()


class TestWhoAsks:
    """Limits count the address of whoever asks, as far as that is known."""

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (0, "192.0.2.1", "198.51.100.1"),
            (1, "192.0.2.1", "192.0.2.1"),
            (1, "192.0.2.66, 192.0.2.1", "192.0.2.1"),
            (2, "192.0.2.66, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
            (2, "192.0.2.66", "198.51.100.1"),
            (1, "milk", "198.51.100.1"),
            (1, "", "198.51.100.1"),
            (1, "[2001:db8::1]:4711", "2001:db8::1"),
        ],
    )
    def test_address(
        self, proxies: int, forwarded: str, address: str, rf: Any, settings: Settings
    ) -> None:
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
        request = rf.get("/", REMOTE_ADDR="198.51.100.1", headers={"X-Forwarded-For": forwarded})
        assert AccountAdapter(request).get_client_ip(request) == address

    def test_without_any(self, rf: Any) -> None:
        """As behind a Unix socket."""
        request = rf.get("/", REMOTE_ADDR="")
        assert AccountAdapter(request).get_client_ip(request) == "0.0.0.0"


class TestTheAdminsDoor:
    LOGIN = "/admin/login/"

    def test_it_is_the_same_door(self, client: Client, admin: User) -> None:
        for method in (client.get, client.post):
            response = method(f"{self.LOGIN}?next=/admin/")
            assert response.status_code == 302
            assert response["Location"] == f"{reverse('account_login')}?next=%2Fadmin%2F"

    @pytest.mark.usefixtures("limits")
    def test_passwords_cannot_be_guessed_there(self, client: Client, admin: User) -> None:
        """It looks at none, right or wrong; and the true door closes after five."""
        form = {"username": admin.email, "password": PASSWORD, "next": "/admin/"}
        client.post(self.LOGIN, form)
        assert client.get("/admin/").status_code == 302
        for number in range(5):
            form = {"login": admin.email, "password": f"guess {number}", "next": "/admin/"}
            page = client.post(self.LOGIN, form, follow=True, REMOTE_ADDR=f"192.0.2.{number}")
            assert page.redirect_chain[0][0].startswith(reverse("account_login"))
            client.post(reverse("account_login"), form, REMOTE_ADDR=f"192.0.2.{number}")
        client.post(reverse("account_login"), form | {"password": PASSWORD})
        assert client.get("/admin/").status_code == 302

    def test_a_password_alone_does_not_do_where_there_is_a_second_factor(
        self, client: Client, admin: User
    ) -> None:
        secret = with_totp(admin)
        post_password(client, admin)
        assert client.get("/admin/").status_code == 302
        send_code(client, code_of(secret))
        assert client.get("/admin/").status_code == 200

    def test_people_who_are_none_are_refused(self, owner_client: Client) -> None:
        assert owner_client.get(self.LOGIN).status_code == 403

    def test_its_own_page_for_passwords_leads_to_ours(self, admin_client: Client) -> None:
        for method in (admin_client.get, admin_client.post):
            response = method("/admin/password_change/")
            assert response.status_code == 302
            assert response["Location"] == reverse("account_change_password")

    def test_no_other_door(self, client: Client, admin: User) -> None:
        """Pages of libraries that would take a password, had they been wired."""
        for path in ("/api-auth/login/", "/api/v1/login/", "/accounts/signup/passkey/"):
            assert client.post(path, {"username": admin.email, "password": "x"}).status_code == 404


class Counting(MD5PasswordHasher):
    """How often a password was hashed: what takes the time in signing in."""

    count = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).count += 1
        return super().encode(password, salt)


@pytest.fixture
def hashes(settings: Settings) -> type[Counting]:
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.count = 0
    return Counting


def plain(page: Any) -> str:
    """Without what differs each time."""
    text = page.content.decode()
    text = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", text)
    return re.sub(r"[\w.-]+@[\w.-]+", "ADDRESS", text)


class TestWhoHasAnAccount:
    def test_signing_in(self, owner: User) -> None:
        nobody = User(email="nobody@example.com")
        pages = [post_password(Client(), user, "wrong") for user in (owner, nobody)]
        assert [page.status_code for page in pages] == [200, 200]
        assert plain(pages[0]) == plain(pages[1])

    def test_signing_in_takes_as_long(self, hashes: type[Counting]) -> None:
        costs = []
        for user in (UserFactory.create(), User(email="nobody@example.com")):
            hashes.count = 0
            post_password(Client(), user, "wrong")
            costs.append(hashes.count)
        assert costs == [1, 1]

    def test_an_account_that_is_off_shows_only_with_its_password(self, owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        wrong = post_password(Client(), owner, "wrong")
        assert wrong.status_code == 200
        assert post_password(Client(), owner)["Location"] == reverse("account_inactive")

    def test_resetting_a_password(self, owner: User) -> None:
        address = reverse("account_reset_password")
        emails = (owner.email, "nobody@example.com")
        pages = [Client().post(address, {"email": email}, follow=True) for email in emails]
        assert plain(pages[0]) == plain(pages[1])
        assert [message.to[0] for message in mail.outbox] == list(emails)

    @pytest.mark.usefixtures("mail_server")
    def test_signing_up(self, hashes: type[Counting]) -> None:
        taken = UserFactory.create(email="taken@example.com")
        EmailAddress.objects.create(user=taken, email=taken.email, primary=True, verified=True)
        pages, costs = [], []
        for email in (taken.email, "free@example.com"):
            hashes.count = 0
            form = {"email": email, "password1": "a calm green harbour"}
            pages.append(Client().post(reverse("account_signup"), form, follow=True))
            costs.append(hashes.count)
        assert plain(pages[0]) == plain(pages[1])
        assert pages[0].redirect_chain == pages[1].redirect_chain
        assert costs[0] == costs[1]
        assert [message.to[0] for message in mail.outbox] == [taken.email, "free@example.com"]

    def test_with_a_second_factor(self, owner: User, stranger: User) -> None:
        """That there is a second step shows only to who has taken the first."""
        with_totp(owner)
        pages = [post_password(Client(), user, "wrong") for user in (owner, stranger)]
        assert plain(pages[0]) == plain(pages[1])


class TestKeysNeedProof:
    """A key lives longer than a session that somebody else has got hold of."""

    def test_on_the_page(self, owner: User, owner_client: Client) -> None:
        address = reverse("accounts:tokens")
        assert owner_client.get(address).status_code == 200
        asked = owner_client.post(address, {"name": "Shop", "lifetime": ""})
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        assert not owner.api_tokens.exists()
        form = {"password": PASSWORD, "next": address}
        page = owner_client.post(asked["Location"], form)
        assert page.context["new_key"] in page.content.decode()
        assert owner.api_tokens.count() == 1

    def test_over_the_api(self, owner: User, owner_client: Client) -> None:
        as_json: dict[str, Any] = {"data": {"name": "Shop"}, "content_type": "application/json"}
        refused = owner_client.post("/api/v1/tokens/", **as_json)
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["code"] == "proof_needed"
        assert sign_in(owner).post("/api/v1/tokens/", **as_json).status_code == 201


def test_a_session_is_a_new_one_after_signing_in(client: Client, owner: User) -> None:
    """So that nobody can wait in a session that was made for somebody."""
    client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    before = client.session.session_key
    post_password(client, owner)
    assert is_signed_in(client)
    assert client.session.session_key != before
