"""Signing in at a company's provider: a real one, over HTTP, on this machine."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock  # type: ignore[import-untyped]
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import SiteSettings, User
from tests.accounts.people import is_signed_in, send_code, sign_in, with_totp
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/oidc/company/login/"
CALLBACK = "/accounts/oidc/company/login/callback/"
PAGES = [
    LOGIN,
    CALLBACK,
    "/accounts/oidc/other/login/",
    "/accounts/3rdparty/",
    "/accounts/3rdparty/signup/",
    "/accounts/3rdparty/login/cancelled/",
    "/accounts/3rdparty/login/error/",
    "/accounts/social/login/cancelled/",
    "/accounts/social/login/error/",
    "/accounts/social/signup/",
    "/accounts/social/connections/",
]


def configure(settings: Settings, url: str) -> None:
    """As the settings do with OIDC_SERVER_URL."""
    settings.OIDC_NAME = "Example staff"
    app = {
        "provider_id": "company",
        "name": "Example staff",
        "client_id": "clearcut",
        "secret": "s3cret",
        "settings": {"server_url": url, "oauth_pkce_enabled": True},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as running:
        yield f"http://localhost:{running.server_port}"


@pytest.fixture
def company(server: str, settings: Settings, owner: User) -> str:
    """The address of the provider that is set. (The owner makes this an installation in use.)"""
    configure(settings, server)
    return server


def employ(company: str, sub: str, **claims: Any) -> None:
    claims = {"email": f"{sub}@example.org", "email_verified": True, "name": "Ada Byte"} | claims
    requests.put(f"{company}/users/{sub}", json=claims, timeout=10).raise_for_status()


def leave_for(client: Client, query: str = "") -> str:
    """The address at the provider that a browser is sent to."""
    page = client.post(LOGIN + query)
    assert page.status_code == 200
    address: str = page.context["redirect_to"]
    return address


def come_back(address: str, sub: str, **form: str) -> str:
    """What the person does there; the address of ours that it leads back to."""
    answer = requests.post(address, {"sub": sub, **form}, allow_redirects=False, timeout=10)
    return answer.headers["Location"].removeprefix("http://testserver")


def go_through(client: Client, sub: str, query: str = "") -> Any:
    return client.get(come_back(leave_for(client, query), sub), follow=True)


class TestUntilConfigured:
    @pytest.mark.parametrize("path", PAGES)
    def test_there_are_no_pages(self, path: str, client: Client, owner_client: Client) -> None:
        for one in (client, owner_client):
            assert one.get(path).status_code == 404
            assert one.post(path).status_code == 404

    def test_and_no_word_of_it(self, client: Client, owner: User) -> None:
        assert "oidc" not in client.get(reverse("account_login")).content.decode()
        assert "3rdparty" not in sign_in(owner).get(reverse("web:account")).content.decode()


class TestSigningIn:
    def test_makes_an_account(self, company: str, client: Client) -> None:
        employ(company, "ada", picture="https://photos.example/ada.jpg")
        page = go_through(client, "ada")
        assert page.redirect_chain == [(reverse("web:workspace"), 302)]
        user = User.objects.get(email="ada@example.org")
        assert (user.name, user.is_staff, user.has_usable_password()) == ("Ada Byte", False, False)
        assert EmailAddress.objects.get(user=user).verified
        assert SocialAccount.objects.get(user=user).extra_data == {}
        assert not SocialToken.objects.exists()

    def test_and_finds_it_again_whatever_address_it_has_now(self, company: str) -> None:
        employ(company, "bob")
        go_through(Client(), "bob")
        User.objects.filter(email="bob@example.org").update(email="robert@example.net")
        employ(company, "bob", email="bobby@example.org")
        client = Client()
        go_through(client, "bob")
        assert is_signed_in(client)
        assert User.objects.filter(email="robert@example.net").exists()
        assert not User.objects.filter(email="bobby@example.org").exists()

    def test_the_button(self, company: str, client: Client) -> None:
        page = client.get(f"{reverse('account_login')}?next=/trash/").content.decode()
        assert "Sign in with Example staff" in page
        assert f'action="{LOGIN}?process=login&amp;next=%2Ftrash%2F"' in page

    def test_leads_to_where_one_wanted(self, company: str, client: Client) -> None:
        employ(company, "eve")
        page = go_through(client, "eve", "?process=login&next=/trash/")
        assert page.redirect_chain[-1] == ("/trash/", 302)

    def test_and_never_to_another_site(self, company: str, client: Client) -> None:
        employ(company, "eve")
        page = go_through(client, "eve", "?process=login&next=https://evil.example/")
        assert page.redirect_chain[-1] == (reverse("web:workspace"), 302)

    def test_opening_a_link_alone_does_nothing(self, company: str, client: Client) -> None:
        page = client.get(LOGIN)
        assert page.status_code == 200
        assert "Continue" in page.content.decode()
        assert "redirect_to" not in page.context
        assert Client(enforce_csrf_checks=True).post(LOGIN).status_code == 403

    def test_what_is_asked_for(self, company: str, client: Client) -> None:
        """With PKCE, under a state of our own, whatever a link says."""
        address = leave_for(client, "?scope=admin&auth_params=state%3Dx%26client_id%3Dy")
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert len(asked["code_challenge"][0]) == 43
        assert asked["client_id"] == ["clearcut"]
        assert asked["state"] != ["x"]
        assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
        assert asked["redirect_uri"] == [f"http://testserver{CALLBACK}"]

    def test_the_page_that_leads_on(self, company: str, client: Client) -> None:
        page = client.post(LOGIN)
        assert page["Content-Security-Policy"].count("form-action 'self'") == 1
        assert '<meta http-equiv="refresh" content="0;url=http://localhost' in page.content.decode()

    def test_called_off_at_the_provider(self, company: str, client: Client) -> None:
        back = come_back(leave_for(client), "ada", action="deny")
        state = parse_qs(urlsplit(leave_for(client)).query)["state"][0]
        page = client.get(f"{urlsplit(back).path}?error=access_denied&state={state}", follow=True)
        assert page.status_code == 200
        assert "called off" in page.content.decode()

    def test_the_second_factor_here_is_still_asked_for(self, company: str) -> None:
        employ(company, "may")
        go_through(Client(), "may")
        with_totp(User.objects.get(email="may@example.org"))
        client = Client()
        page = go_through(client, "may")
        assert page.redirect_chain[-1][0] == reverse("mfa_authenticate")
        assert not is_signed_in(client)
        send_code(client, "000000")
        assert not is_signed_in(client)

    def test_an_account_that_is_off(self, company: str) -> None:
        employ(company, "off")
        go_through(Client(), "off")
        User.objects.filter(email="off@example.org").update(is_active=False)
        client = Client()
        page = go_through(client, "off")
        assert page.redirect_chain[-1][0] == reverse("account_inactive")
        assert not is_signed_in(client)


class TestWhoGetsAnAccount:
    @pytest.mark.parametrize("verified", [False, "false", None, 0, ""])
    def test_nobody_whose_address_is_not_verified(
        self, verified: object, company: str, client: Client
    ) -> None:
        employ(company, "sly", email_verified=verified)
        page = go_through(client, "sly")
        assert page.status_code == 403
        assert "does not say that your e-mail address is verified" in page.content.decode()
        assert not User.objects.filter(email="sly@example.org").exists()

    def test_nobody_without_an_address(self, company: str, client: Client) -> None:
        for email in (None, "", "milk", "a" * 300 + "@example.org"):
            employ(company, "nameless", email=email)
            assert go_through(client, "nameless").status_code == 403
        assert not SocialAccount.objects.exists()

    def test_unless_the_provider_is_trusted(
        self, company: str, client: Client, settings: Settings
    ) -> None:
        settings.OIDC_TRUST_EMAIL = True
        employ(company, "tim", email_verified=None)
        go_through(client, "tim")
        assert is_signed_in(client)

    def test_verified_in_words(self, company: str, client: Client) -> None:
        employ(company, "wordy", email_verified="true")
        go_through(client, "wordy")
        assert is_signed_in(client)

    @pytest.mark.parametrize("is_for_all", [True, False])
    def test_where_sign_up_is_closed(
        self, is_for_all: bool, company: str, client: Client, settings: Settings
    ) -> None:
        SiteSettings.objects.update_or_create(pk=1, defaults={"signup": "closed"})
        settings.OIDC_SIGNUP = is_for_all
        employ(company, "new")
        go_through(client, "new")
        assert User.objects.filter(email="new@example.org").exists() is is_for_all
        assert is_signed_in(client) is is_for_all

    def test_a_name_that_is_too_long(self, company: str, client: Client) -> None:
        employ(company, "long", name="A" * 1000)
        go_through(client, "long")
        assert len(User.objects.get(email="long@example.org").name) == 150


class TestPeopleWhoHaveAnAccountAlready:
    """The provider's word alone opens the account of nobody."""

    def user(self, *, verified: bool) -> User:
        user: User = UserFactory.create(email="zoe@example.org")
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
        return user

    @pytest.mark.parametrize(
        ("is_trusted", "is_verified", "gets_in"),
        [(False, False, False), (False, True, False), (True, False, False), (True, True, True)],
    )
    def test_by_address(
        self,
        is_trusted: bool,
        is_verified: bool,
        gets_in: bool,
        company: str,
        client: Client,
        settings: Settings,
    ) -> None:
        settings.OIDC_TRUST_EMAIL = is_trusted
        user = self.user(verified=is_verified)
        employ(company, "zoe", email="Zoe@Example.org")
        page = go_through(client, "zoe")
        assert is_signed_in(client) is gets_in
        assert SocialAccount.objects.filter(user=user).exists() is gets_in
        user.refresh_from_db()
        assert user.has_usable_password()
        if not gets_in:
            assert page.status_code == 409
            assert "There is an account with your e-mail address already" in page.content.decode()

    def test_an_address_that_somebody_only_claims(
        self, company: str, client: Client, stranger: User, settings: Settings
    ) -> None:
        """Put down as a new address by somebody who lies in wait for its owner."""
        settings.OIDC_TRUST_EMAIL = True
        EmailAddress.objects.create(user=stranger, email="victim@example.org", verified=False)
        employ(company, "victim")
        go_through(client, "victim")
        assert client.session["_auth_user_id"] != str(stranger.pk)

    def test_they_connect_it_themselves(self, company: str) -> None:
        user = self.user(verified=False)
        employ(company, "zoe")
        client = sign_in(user)
        assert "Not connected" in client.get(reverse("socialaccount_connections")).content.decode()
        go_through(client, "zoe", "?process=connect")
        assert SocialAccount.objects.get(user=user).uid == "zoe"
        assert "connected" in client.get(reverse("web:account")).content.decode()
        again = Client()
        go_through(again, "zoe")
        assert again.session["_auth_user_id"] == str(user.pk)

    def test_and_disconnect_it(self, company: str) -> None:
        user = self.user(verified=False)
        employ(company, "zoe")
        client = sign_in(user)
        go_through(client, "zoe", "?process=connect")
        form = {"account": SocialAccount.objects.get(user=user).pk}
        client.post(reverse("socialaccount_connections"), form)
        assert not SocialAccount.objects.exists()

    def test_connecting_needs_proof(self, company: str, owner: User, owner_client: Client) -> None:
        employ(company, "zoe")
        owner_client.post(f"{LOGIN}?process=connect")
        assert not SocialAccount.objects.exists()
        page = go_through(owner_client, "zoe", "?process=connect")
        assert page.redirect_chain[-1][0].startswith(reverse("account_reauthenticate"))
        assert not SocialAccount.objects.exists()

    def test_one_of_another_is_not_taken_away(self, company: str, stranger: User) -> None:
        user = self.user(verified=False)
        employ(company, "zoe")
        go_through(sign_in(user), "zoe", "?process=connect")
        go_through(sign_in(stranger), "zoe", "?process=connect")
        assert SocialAccount.objects.get().user == user


class TestForgeries:
    @pytest.mark.parametrize(
        "query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=x", "?code=%00&state=%00"]
    )
    def test_answers_that_were_not_asked_for(
        self, query: str, company: str, client: Client
    ) -> None:
        page = client.get(CALLBACK + query)
        assert page.status_code == 401
        assert "You were not signed in" in page.content.decode()

    def test_the_answer_to_another_browser(self, company: str) -> None:
        employ(company, "ada")
        mine, victim = Client(), Client()
        back = come_back(leave_for(mine), "ada")
        assert victim.get(back).status_code == 401
        assert not is_signed_in(victim)

    def test_an_answer_works_once(self, company: str, client: Client) -> None:
        employ(company, "ada")
        back = come_back(leave_for(client), "ada")
        client.get(back)
        client.post(reverse("account_logout"))
        assert client.get(back).status_code == 401
        assert not is_signed_in(client)

    def test_a_code_that_the_provider_did_not_give(self, company: str, client: Client) -> None:
        state = parse_qs(urlsplit(leave_for(client)).query)["state"][0]
        page = client.get(f"{CALLBACK}?code=made-up&state={state}")
        assert page.status_code == 401
        assert not is_signed_in(client)

    def test_another_provider(self, company: str, client: Client) -> None:
        assert client.post("/accounts/oidc/other/login/").status_code == 404
        assert client.get("/accounts/oidc/other/login/callback/").status_code == 404
