"""Accounts: signing up and in, passwords, tokens."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ApiToken, User
from tests.accounts.people import sign_in
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def sign_up(client: Client, email: str = "new@example.com", password: str = PASSWORD) -> int:
    form = {"email": email, "password1": password}
    return client.post(reverse("account_signup"), form).status_code


class TestSigningUp:
    def test_leads_to_the_workspace_signed_in(self, client: Client) -> None:
        response = client.post(
            reverse("account_signup"), {"email": "New@Example.com", "password1": PASSWORD}
        )
        assert response.headers["Location"] == reverse("web:workspace")
        assert User.objects.get().email == "new@example.com"
        assert client.get(reverse("web:workspace")).status_code == 200

    def test_weak_passwords_are_refused(self, client: Client) -> None:
        assert sign_up(client, password="12345678") == 200
        assert not User.objects.exists()

    def test_closed(self, client: Client, settings: Settings) -> None:
        settings.SIGNUP = "closed"
        sign_up(client)
        assert not User.objects.exists()

    def test_one_account_an_address_whatever_its_case(self, owner: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(email="OWNER@example.com")

    def test_a_taken_address_makes_no_second_account(self, client: Client, owner: User) -> None:
        sign_up(client, "owner@EXAMPLE.com")
        assert User.objects.count() == 1

    def test_a_second_click_that_is_quicker(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both requests have found the address free."""
        monkeypatch.setattr("allauth.account.forms.BaseSignupForm.clean_email", take_email)
        User.objects.create_user("new@example.com")
        response = client.post(
            reverse("account_signup"), {"email": "new@example.com", "password1": PASSWORD}
        )
        assert response.headers["Location"] == reverse("account_login")
        assert User.objects.count() == 1


def take_email(form: Any) -> str:
    return str(form.cleaned_data["email"])


class TestSigningIn:
    def post(self, client: Client, password: str, email: str = "owner@example.com") -> int:
        return client.post(
            reverse("account_login"), {"login": email, "password": password}
        ).status_code

    def test_pages_are_kept_by_nobody(self, owner_client: Client, client: Client) -> None:
        assert "no-store" in owner_client.get("/images/")["Cache-Control"]
        assert "Cache-Control" not in client.get("/")

    def test_in_and_out(self, client: Client, owner: User) -> None:
        assert self.post(client, PASSWORD, "Owner@Example.com") == 302
        assert client.get(reverse("web:workspace")).status_code == 200
        client.post(reverse("account_logout"))
        assert client.get(reverse("web:workspace")).status_code == 302

    def test_wrong_password(self, client: Client, owner: User) -> None:
        assert self.post(client, "wrong") == 200
        assert client.get(reverse("web:workspace")).status_code == 302

    def test_guessing_is_slowed_down(self, client: Client, owner: User, settings: Settings) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
        for _ in range(3):
            self.post(client, "wrong")
        assert self.post(client, PASSWORD) != 302

    def test_the_admin_site_has_the_same_door(self, client: Client, admin: User) -> None:
        response = client.get("/admin/login/", follow=True)
        assert response.redirect_chain
        assert response.request["PATH_INFO"] == reverse("account_login")

    def test_switched_off(self, client: Client, owner: User) -> None:
        User.objects.update(is_active=False)
        self.post(client, PASSWORD)
        assert client.get(reverse("web:workspace")).status_code == 302


class TestPasswords:
    def test_reset(self, client: Client, owner: User) -> None:
        client.post(reverse("account_reset_password"), {"email": owner.email})
        (message,) = mail.outbox
        address = re.search(r"http://\S+", str(message.body))
        assert address
        page = client.get(address.group(), follow=True)
        target = page.redirect_chain[-1][0]
        new = "another horse battery"
        client.post(target, {"password1": new, "password2": new})
        owner.refresh_from_db()
        assert owner.check_password(new)

    def test_nobody_learns_who_has_an_account(self, client: Client, owner: User) -> None:
        answers = [
            client.post(reverse("account_reset_password"), {"email": email}, follow=True)
            for email in (owner.email, "nobody@example.com")
        ]
        pages = [re.sub(r"csrf\S+ value=\S+", "", page.content.decode()) for page in answers]
        assert pages[0] == pages[1]
        # One says how, the other that there is nothing to reset: that takes as long.
        assert [message.to for message in mail.outbox] == [[owner.email], ["nobody@example.com"]]

    def test_change(self, owner_client: Client, owner: User) -> None:
        new = "another horse battery"
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        assert owner_client.post(reverse("account_change_password"), form).status_code == 302
        owner.refresh_from_db()
        assert owner.check_password(new)


class TestTokens:
    def test_shown_once(self, owner: User) -> None:
        owner_client = sign_in(owner)
        page = owner_client.post(reverse("accounts:tokens"), {"name": "Shop", "lifetime": "30"})
        key = page.context["new_key"]
        assert key in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        assert key not in owner_client.get(reverse("accounts:tokens")).content.decode()
        token = ApiToken.objects.get()
        assert token.expires_at is not None
        assert token.expires_at > timezone.now() + timedelta(days=29)
        assert key.startswith(token.prefix)

    def test_revoke(self, owner_client: Client, stranger_client: Client, owner: User) -> None:
        token, key = ApiToken.objects.issue(user=owner, name="t")
        address = reverse("accounts:revoke_token", args=[token.pk])
        assert stranger_client.post(address).status_code == 404
        assert ApiToken.objects.find(key) == token
        assert owner_client.get(address).status_code == 405
        assert owner_client.post(address).status_code == 302
        assert ApiToken.objects.find(key) is None

    def test_expiry(self, owner: User) -> None:
        past = timezone.now() - timedelta(seconds=1)
        _token, key = ApiToken.objects.issue(user=owner, name="t", expires_at=past)
        assert ApiToken.objects.find(key) is None

    def test_last_use_is_noted_at_most_once_a_minute(self, owner: User) -> None:
        token, _key = ApiToken.objects.issue(user=owner, name="t")
        token.touch()
        token.refresh_from_db()
        first = token.last_used_at
        token.touch()
        token.refresh_from_db()
        assert token.last_used_at == first

    def test_only_the_hash_is_stored(self, owner: User) -> None:
        _token, key = ApiToken.objects.issue(user=owner, name="t")
        assert key not in str(ApiToken.objects.values().get())


class TestIssueToken:
    def call(self, *args: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command("issue_token", *args, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    def test_makes_the_account_and_prints_the_key_alone(self) -> None:
        out, err = self.call("robot@example.com", "--name", "Robot")
        assert re.fullmatch(r"cc_\S+\n", out)
        assert "robot@example.com" in err
        token = ApiToken.objects.find(out.strip())
        assert token is not None
        assert (token.name, token.user.email) == ("Robot", "robot@example.com")
        assert not token.user.has_usable_password()

    def test_existing_account(self, owner: User) -> None:
        self.call("OWNER@example.com")
        assert ApiToken.objects.get().user == owner

    def test_refusals(self) -> None:
        UserFactory.create(email="off@example.com", is_active=False)
        with pytest.raises(CommandError, match="switched off"):
            self.call("off@example.com")
        with pytest.raises(CommandError, match="not an e-mail address"):
            self.call("nonsense")
