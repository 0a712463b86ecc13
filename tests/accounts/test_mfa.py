"""Two-factor with an app and recovery codes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.mfa import MFAAdapter, UnreadableSecret, second_factors
from accounts.models import User
from tests.accounts.people import (
    code_of,
    is_signed_in,
    post_password,
    recovery_codes,
    send_code,
    sign_in,
    with_totp,
)

pytestmark = pytest.mark.django_db


def at_second_step(user: User) -> Client:
    client = Client()
    response = post_password(client, user)
    assert response["Location"] == reverse("mfa_authenticate")
    assert not is_signed_in(client)
    return client


class TestSetUp:
    def test_needs_a_code_of_the_app(self, owner: User) -> None:
        client = sign_in(owner)
        page = client.get(reverse("mfa_activate_totp"))
        secret = page.context["form"].secret
        assert secret in page.content.decode()
        assert 'src="data:image/svg+xml;base64,' in page.content.decode()
        wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
        assert wrong.status_code == 200
        assert not second_factors(owner)
        done = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
        assert done["Location"] == reverse("mfa_view_recovery_codes")
        (factor,) = second_factors(owner)
        assert factor.type == Authenticator.Type.TOTP
        assert len(recovery_codes(owner)) == 10

    def test_the_app_is_told_where_it_belongs(self, owner: User) -> None:
        page = sign_in(owner).get(reverse("mfa_activate_totp"))
        assert page.context["totp_url"].startswith("otpauth://totp/owner%40example.com?")
        assert "issuer=Clearcut" in page.context["totp_url"]

    def test_turning_it_off_takes_the_codes_along(self, owner: User) -> None:
        client = sign_in(owner)
        with_totp(owner)
        assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
        assert not Authenticator.objects.filter(user=owner).exists()


class TestSignIn:
    def test_with_a_code(self, owner: User) -> None:
        secret = with_totp(owner)
        client = at_second_step(owner)
        assert send_code(client, code_of(secret)).status_code == 302
        assert is_signed_in(client)

    def test_a_code_works_once(self, owner: User) -> None:
        secret = with_totp(owner)
        code = code_of(secret)
        send_code(at_second_step(owner), code)
        second = at_second_step(owner)
        assert send_code(second, code).status_code == 200
        assert not is_signed_in(second)

    def test_a_wrong_code(self, owner: User) -> None:
        with_totp(owner)
        client = at_second_step(owner)
        page = send_code(client, "000000")
        assert "Incorrect code" in page.content.decode()
        assert not is_signed_in(client)

    def test_with_a_recovery_code_once_and_not_twice(self, owner: User) -> None:
        with_totp(owner)
        code = recovery_codes(owner)[3]
        first = at_second_step(owner)
        send_code(first, code)
        assert is_signed_in(first)
        assert len(recovery_codes(owner)) == 9
        second = at_second_step(owner)
        assert send_code(second, code).status_code == 200
        assert not is_signed_in(second)

    def test_the_code_of_another_opens_nothing(self, owner: User, stranger: User) -> None:
        with_totp(owner)
        client = at_second_step(owner)
        send_code(client, code_of(with_totp(stranger)))
        assert not is_signed_in(client)

    def test_guessing_codes_is_slowed_down(self, owner: User, limits: None) -> None:
        """Also by somebody with many addresses of the network, who knows the password."""
        secret = with_totp(owner)
        client = at_second_step(owner)
        for number in range(5):
            client.post(
                reverse("mfa_authenticate"), {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{number}"
            )
        page = client.post(
            reverse("mfa_authenticate"), {"code": code_of(secret)}, REMOTE_ADDR="192.0.2.99"
        )
        assert "Too many failed login attempts" in page.content.decode()
        assert not is_signed_in(client)

    def test_the_step_tells_nothing_to_who_did_not_take_the_first(self, client: Client) -> None:
        response = client.get(reverse("mfa_authenticate"))
        assert (response.status_code, response["Location"]) == (302, reverse("account_login"))

    def test_a_wrong_password_does_not_show_that_there_is_a_second_step(
        self, owner: User, stranger: User
    ) -> None:
        with_totp(owner)
        pages = [post_password(Client(), user, "wrong") for user in (owner, stranger)]
        assert [page.status_code for page in pages] == [200, 200]
        assert pages[0].context["form"].errors == pages[1].context["form"].errors


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_gets_in_with_a_recovery_code(owner: User) -> None:
    with_totp(owner)
    code = recovery_codes(owner)[0]
    clients = [at_second_step(owner), at_second_step(owner)]
    together = Barrier(2)

    def send(client: Client) -> bool:
        together.wait()
        try:
            send_code(client, code)
            return is_signed_in(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, clients)) == [False, True]


class TestRecoveryCodes:
    def test_download(self, owner: User) -> None:
        client = sign_in(owner)
        with_totp(owner)
        response = client.get(reverse("mfa_download_recovery_codes"))
        assert response.content.decode().split() == recovery_codes(owner)
        assert 'filename="recovery-codes.txt"' in response["Content-Disposition"]
        assert "no-store" in response["Cache-Control"]

    def test_new_ones_replace_the_old(self, owner: User) -> None:
        client = sign_in(owner)
        with_totp(owner)
        before = recovery_codes(owner)
        assert client.post(reverse("mfa_generate_recovery_codes")).status_code == 302
        after = recovery_codes(owner)
        assert len(after) == 10
        assert not set(before) & set(after)

    def test_none_without_a_second_factor(self, owner: User) -> None:
        client = sign_in(owner)
        client.post(reverse("mfa_generate_recovery_codes"))
        assert not Authenticator.objects.filter(user=owner).exists()
        assert client.get(reverse("mfa_view_recovery_codes")).status_code == 404
        assert client.get(reverse("mfa_download_recovery_codes")).status_code in {403, 404}


class TestSecrets:
    def test_are_sealed_in_the_database(self, owner: User) -> None:
        secret = with_totp(owner)
        stored = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in stored
        for code in recovery_codes(owner):
            assert code not in stored

    def test_open_with_a_key_of_earlier_days(self, owner: User, settings: Settings) -> None:
        secret = with_totp(owner)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a new one"
        client = at_second_step(owner)
        send_code(client, code_of(secret))
        assert is_signed_in(client)

    def test_new_ones_get_the_new_key(self, settings: Settings) -> None:
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a new one"
        sealed = MFAAdapter().encrypt("milk")
        settings.SECRET_KEY_FALLBACKS = []
        assert MFAAdapter().decrypt(sealed) == "milk"

    def test_with_the_key_lost_pages_explain(self, owner: User, settings: Settings) -> None:
        client = sign_in(owner)
        secret = with_totp(owner)
        settings.SECRET_KEY = "another"
        with pytest.raises(UnreadableSecret):
            MFAAdapter().decrypt(Authenticator.objects.filter(user=owner)[0].data["secret"])
        second = Client()
        post_password(second, owner)
        page = send_code(second, code_of(secret))
        assert page.status_code == 200
        assert "key of this server was changed" in page.content.decode()
        post_password(client, owner)  # its session was made with the lost key, too
        assert client.get(reverse("mfa_index")).status_code in {200, 302}

    def test_pages_of_a_session_outlive_a_lost_key(self, owner: User, settings: Settings) -> None:
        client = sign_in(owner)
        with_totp(owner)
        Authenticator.objects.filter(user=owner, type="recovery_codes").update(
            data={"seed": "not ours", "used_mask": 0}
        )
        assert client.get(reverse("mfa_index")).status_code == 200
        for name in ("mfa_view_recovery_codes", "mfa_download_recovery_codes"):
            response = client.get(reverse(name))
            assert (response.status_code, response["Location"]) == (302, reverse("mfa_index"))
        again = client.get(reverse("mfa_index"))
        assert "key of this server was changed" in again.content.decode()


class TestReauthentication:
    """What matters is asked for again five minutes after signing in."""

    NAMES = [
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
    ]

    @pytest.mark.parametrize("name", NAMES)
    def test_a_stale_session_has_to_prove_itself(
        self, name: str, owner: User, owner_client: Client
    ) -> None:
        if "recovery" in name:
            with_totp(owner)
        response = owner_client.get(reverse(name))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_reauthenticate"))

    def test_and_can(self, owner: User, owner_client: Client) -> None:
        target = reverse("mfa_activate_totp")
        form = {"password": "correct horse battery", "next": target}
        response = owner_client.post(reverse("account_reauthenticate"), form)
        assert response["Location"] == target
        assert owner_client.get(target).status_code == 200

    def test_not_with_a_wrong_password(self, owner_client: Client) -> None:
        target = reverse("mfa_activate_totp")
        owner_client.post(reverse("account_reauthenticate"), {"password": "x", "next": target})
        assert owner_client.get(target).status_code == 302

    def test_with_a_code(self, owner: User, owner_client: Client) -> None:
        secret = with_totp(owner)
        target = reverse("mfa_view_recovery_codes")
        form = {"code": code_of(secret), "next": target}
        assert owner_client.post(reverse("mfa_reauthenticate"), form)["Location"] == target
        assert owner_client.get(target).status_code == 200
