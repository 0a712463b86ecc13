"""Routes that allauth brings along, and that other tests do not go through."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests.accounts.people import (
    code_of,
    is_signed_in,
    post_password,
    send_code,
    sign_in,
    with_totp,
)
from tests.accounts.test_provider import configure

pytestmark = pytest.mark.django_db

NEW = "another calm harbour"


class TestResettingAPassword:
    def link(self, owner: User) -> str:
        Client().post(reverse("account_reset_password"), {"email": owner.email})
        found = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
        assert found
        return found[1]

    def set(self, client: Client, link: str, password: str = NEW) -> int:
        form = client.get(link, follow=True)
        path = form.request["PATH_INFO"]
        return client.post(path, {"password1": password, "password2": password}).status_code

    def test_ends_all_sessions_and_keeps_the_second_factor(self, owner: User) -> None:
        signed_in = sign_in(owner)
        secret = with_totp(owner)
        client = Client()
        assert self.set(client, self.link(owner)) == 302
        assert not is_signed_in(signed_in)
        assert not is_signed_in(client)
        assert post_password(client, owner, NEW)["Location"] == reverse("mfa_authenticate")
        send_code(client, code_of(secret))
        assert is_signed_in(client)

    def test_a_link_works_once(self, owner: User) -> None:
        link = self.link(owner)
        self.set(Client(), link)
        page = Client().get(link, follow=True)
        assert "invalid" in page.content.decode()
        self.set(Client(), link, "yet another harbour")
        owner.refresh_from_db()
        assert owner.check_password(NEW)

    def test_not_after_the_address_has_changed(self, owner: User) -> None:
        link = self.link(owner)
        User.objects.filter(pk=owner.pk).update(email="new@example.com")
        self.set(Client(), link)
        owner.refresh_from_db()
        assert not owner.check_password(NEW)

    def test_not_for_an_account_that_is_off(self, owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        Client().post(reverse("account_reset_password"), {"email": owner.email})
        assert "/password/reset/key/" not in str(mail.outbox[-1].body)

    @pytest.mark.parametrize("key", ["1-x", "zzzz-set-password", "0-%00", "a" * 200 + "-b"])
    def test_made_up_links(self, key: str, client: Client, owner: User) -> None:
        page = client.get(f"/accounts/password/reset/key/{key}/", follow=True)
        assert page.status_code in {200, 404}
        assert "password1" not in page.content.decode()

    def test_the_page_at_the_end(self, client: Client, owner: User) -> None:
        assert client.get(reverse("account_reset_password_from_key_done")).status_code == 200

    def test_the_link_of_a_forged_host_is_not_sent(self, owner: User, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["testserver"]
        form = {"email": owner.email}
        address = reverse("account_reset_password")
        assert Client().post(address, form, headers={"Host": "evil.example"}).status_code == 400
        assert mail.outbox == []


class TestSettingAPassword:
    """For people who came from a provider and have none."""

    def test_once(self, owner: User) -> None:
        owner.set_unusable_password()
        owner.save()
        client = Client()
        client.force_login(owner)
        assert "Set a password" in client.get(reverse("web:account")).content.decode()
        form = {"password1": NEW, "password2": NEW}
        assert client.get(reverse("account_set_password")).status_code == 200
        client.post(reverse("account_set_password"), form)
        owner.refresh_from_db()
        assert owner.check_password(NEW)
        assert is_signed_in(client)

    def test_not_where_there_is_one(self, owner_client: Client, owner: User) -> None:
        form = {"password1": NEW, "password2": NEW}
        response = owner_client.post(reverse("account_set_password"), form)
        assert response["Location"] == reverse("account_change_password")
        owner.refresh_from_db()
        assert not owner.check_password(NEW)


class TestSigningOut:
    def test_only_by_a_form(self, owner_client: Client) -> None:
        """No picture or link on another page can do it."""
        assert owner_client.get(reverse("account_logout")).status_code == 200
        assert is_signed_in(owner_client)
        owner_client.post(reverse("account_logout"))
        assert not is_signed_in(owner_client)

    def test_not_to_another_site(self, owner_client: Client) -> None:
        form = {"next": "https://evil.example/"}
        assert owner_client.post(reverse("account_logout"), form)["Location"] == reverse("home")

    def test_in_the_middle_of_signing_in(self, client: Client, owner: User) -> None:
        with_totp(owner)
        post_password(client, owner)
        client.post(reverse("account_logout"), {"next": reverse("account_login")})
        assert client.get(reverse("mfa_authenticate"))["Location"] == reverse("account_login")


class TestOff:
    def test_signing_in_by_a_code_in_a_mail(self, client: Client, owner: User) -> None:
        address = reverse("account_confirm_login_code")
        for response in (client.get(address), client.post(address, {"code": "x"})):
            assert (response.status_code, response["Location"]) == (302, reverse("account_login"))

    def test_browsers_that_are_trusted(self, client: Client) -> None:
        assert client.get("/accounts/2fa/trust/").status_code == 404


class TestOfAProvider:
    @pytest.fixture(autouse=True)
    def provider(self, settings: Settings, owner: User) -> None:
        configure(settings, "http://127.0.0.1:9")

    @pytest.mark.parametrize(
        ("name", "status"),
        [("socialaccount_login_cancelled", 200), ("socialaccount_login_error", 401)],
    )
    def test_pages(self, name: str, status: int, client: Client) -> None:
        page = client.get(reverse(name))
        assert page.status_code == status
        assert "Back to signing in" in page.content.decode()

    def test_signing_up_needs_an_answer_of_the_provider(self, client: Client) -> None:
        for response in (
            client.get(reverse("socialaccount_signup")),
            client.post(reverse("socialaccount_signup"), {"email": "x@example.com"}),
        ):
            assert (response.status_code, response["Location"]) == (302, reverse("account_login"))
        assert not User.objects.filter(email="x@example.com").exists()

    @pytest.mark.parametrize("path", ["login/cancelled", "login/error", "signup", "connections"])
    def test_addresses_of_earlier_days(self, path: str, client: Client) -> None:
        response = client.get(f"/accounts/social/{path}/")
        assert response.status_code == 301
        assert response["Location"].startswith("/accounts/3rdparty/")

    def test_connections_are_for_the_signed_in(self, client: Client) -> None:
        response = client.get(reverse("socialaccount_connections"))
        assert "/accounts/login/" in response["Location"]


def test_the_second_factor_goes_with_the_account(owner: User) -> None:
    with_totp(owner)
    owner.delete()
    assert not Authenticator.objects.exists()
