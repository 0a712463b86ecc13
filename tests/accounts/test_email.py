"""Changing one's e-mail address, with and without a mail server."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests.accounts.people import PASSWORD, sign_in, with_totp
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NEW = "new@example.com"


def change(client: Client, email: str = NEW) -> str:
    form = {"action_add": "", "email": email}
    return client.post(reverse("account_email"), form, follow=True).content.decode()


def address_of(user: User) -> str:
    user.refresh_from_db()
    return user.email


class TestWithoutMailServer:
    def test_holds_at_once(self, owner: User) -> None:
        page = change(sign_in(owner))
        assert "Your e-mail address is new@example.com now." in page
        assert address_of(owner) == NEW
        assert [str(row) for row in EmailAddress.objects.filter(user=owner)] == [NEW]
        assert mail.outbox == []
        sign_in(owner)

    def test_the_old_one_signs_nobody_in(self, owner: User) -> None:
        change(sign_in(owner))
        form = {"login": "owner@example.com", "password": PASSWORD}
        assert Client().post(reverse("account_login"), form).status_code == 200

    def test_an_address_that_is_taken(self, owner: User, stranger: User) -> None:
        for taken in (stranger.email, stranger.email.upper()):
            assert "belongs to another account" in change(sign_in(owner), taken)
        assert address_of(owner) == "owner@example.com"

    def test_ones_own(self, owner: User) -> None:
        change(sign_in(owner), owner.email)
        assert address_of(owner) == "owner@example.com"

    @pytest.mark.parametrize("email", ["", "milk", "a@b", f"{'a' * 250}@example.com", "\x00@x.de"])
    def test_nonsense(self, email: str, owner: User) -> None:
        change(sign_in(owner), email)
        assert address_of(owner) == "owner@example.com"

    def test_only_after_proof(self, owner: User, owner_client: Client) -> None:
        """Then it goes on where it was interrupted."""
        address = reverse("account_email")
        asked = owner_client.post(address, {"action_add": "", "email": NEW})
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        assert address_of(owner) == "owner@example.com"
        owner_client.post(asked["Location"], {"password": PASSWORD, "next": address})
        assert address_of(owner) == NEW


@pytest.mark.usefixtures("mail_server")
class TestWithMailServer:
    @pytest.fixture(autouse=True)
    def verified(self, owner: User) -> None:
        EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=True)

    def link(self) -> str:
        (message,) = [one for one in mail.outbox if one.to == [NEW]]
        found = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(message.body))
        assert found
        return found[1]

    def test_the_new_address_is_verified_first_and_the_old_one_told(self, owner: User) -> None:
        client = sign_in(owner)
        assert "We have sent a link to" in change(client)
        assert address_of(owner) == "owner@example.com"
        link = self.link()
        assert client.get(link).status_code == 200
        assert address_of(owner) == "owner@example.com", "opening the link alone confirms nothing"
        client.post(link)
        assert address_of(owner) == NEW
        assert [str(row) for row in EmailAddress.objects.filter(user=owner)] == [NEW]
        told = [one for one in mail.outbox if one.to == ["owner@example.com"]]
        assert "changed from owner@example.com to new@example.com" in str(told[-1].body)

    def test_can_be_called_off(self, owner: User) -> None:
        client = sign_in(owner)
        change(client)
        link = self.link()
        client.post(reverse("account_email"), {"action_remove": "", "email": NEW})
        client.post(link)
        assert address_of(owner) == "owner@example.com"

    def test_from_an_address_that_was_never_verified(
        self, owner: User, owner_client: Client
    ) -> None:
        """As in an installation that got its mail server later."""
        EmailAddress.objects.filter(user=owner).update(verified=False)
        form = {"password": PASSWORD, "next": reverse("account_email")}
        owner_client.post(reverse("account_reauthenticate"), form)
        for email in ("first@example.com", NEW):
            assert "We have sent a link to" in change(owner_client, email)
            assert address_of(owner) == "owner@example.com"
        owner_client.post(self.link())
        assert address_of(owner) == NEW
        assert [str(row) for row in EmailAddress.objects.filter(user=owner)] == [NEW]

    def test_whether_it_is_taken_only_a_mail_tells(self, owner: User, stranger: User) -> None:
        client = sign_in(owner)
        pages = [change(client, email) for email in (stranger.email, "free@example.com")]
        for page in pages:
            assert "We have sent a link to" in page
        assert address_of(owner) == "owner@example.com"

    def test_taken_in_the_meantime(self, owner: User) -> None:
        client = sign_in(owner)
        change(client)
        link = self.link()
        UserFactory.create(email=NEW)
        page = client.post(link, follow=True)
        assert page.status_code == 200
        assert address_of(owner) == "owner@example.com"

    def test_events_are_told_by_mail(self, owner: User) -> None:
        client = sign_in(owner)
        with_totp(owner)
        client.post(reverse("mfa_deactivate_totp"))
        form = {"oldpassword": PASSWORD, "password1": "x7 harbour calm", "password2": ""}
        client.post(reverse("account_change_password"), form | {"password2": form["password1"]})
        bodies = [str(one.body) for one in mail.outbox if one.to == [owner.email]]
        assert any("authenticator app was removed" in body for body in bodies)
        assert any("at Clearcut was changed" in body for body in bodies)

    def test_a_mail_server_out_of_order_ends_no_page(self, owner: User, settings: Settings) -> None:
        """And does not show either who has an account."""
        settings.EMAIL_BACKEND = f"{__name__}.Broken"
        client = sign_in(owner)
        assert "We have sent a link to" in change(client)
        answers = [
            Client().post(reverse("account_reset_password"), {"email": email})
            for email in (owner.email, "nobody@example.com")
        ]
        assert [(one.status_code, one["Location"]) for one in answers] == [
            (302, reverse("account_reset_password_done"))
        ] * 2


class Broken(EmailBackend):
    def send_messages(self, messages: object) -> int:
        raise ConnectionRefusedError("no mail server here")
