"""Every page about the safety of an account opens, and stays private."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.people import sign_in, with_passkey, with_totp

pytestmark = pytest.mark.django_db

OWN_PAGES = [
    "account_email",
    "account_change_password",
    "account_reauthenticate",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "usersessions_list",
    "web:account",
]
WITH_APP = [
    "mfa_index",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_reauthenticate",
    "web:account",
]
WITH_PASSKEY = ["mfa_index", "mfa_list_webauthn", "mfa_reauthenticate_webauthn", "web:account"]
OPEN_PAGES = [
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_email_verification_sent",
    "account_inactive",
]


@pytest.mark.parametrize("name", OWN_PAGES)
def test_of_a_plain_account(name: str, owner: User) -> None:
    opens(sign_in(owner), name)


@pytest.mark.parametrize("name", WITH_APP)
def test_of_an_account_with_an_app(name: str, owner: User) -> None:
    client = sign_in(owner)
    with_totp(owner)
    opens(client, name)


@pytest.mark.parametrize("name", WITH_PASSKEY)
def test_of_an_account_with_a_passkey(name: str, owner: User) -> None:
    client = sign_in(owner)
    with_passkey(owner)
    opens(client, name)


@pytest.mark.parametrize("name", ["mfa_edit_webauthn", "mfa_remove_webauthn"])
def test_of_one_passkey(name: str, owner: User, stranger: User) -> None:
    client = sign_in(owner)
    passkey = with_passkey(owner)
    opens(client, name, passkey)
    assert sign_in(stranger).post(reverse(name, args=[passkey.pk])).status_code == 404
    assert Authenticator.objects.filter(pk=passkey.pk).exists()


def opens(client: Client, name: str, row: Authenticator | None = None) -> None:
    """Without anything inline, kept by nobody."""
    response = client.get(reverse(name, args=[row.pk] if row else []))
    page = response.content.decode()
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    for script in page.split("<script")[1:]:
        start = script.partition(">")[0]
        assert "src=" in start or 'type="application/json"' in start


@pytest.mark.parametrize("name", OPEN_PAGES)
def test_open_to_all(name: str, client: Client, owner: User) -> None:
    assert client.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", sorted({*OWN_PAGES, *WITH_APP, *WITH_PASSKEY}))
def test_closed_to_the_signed_out(name: str, client: Client, owner: User) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert "/accounts/login/" in response["Location"]
