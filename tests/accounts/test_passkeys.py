"""Passkeys, made and used by a device in software."""

import json
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.urls import reverse
from fido2.utils import websafe_encode
from pytest_django import Settings

from accounts.mfa import second_factors
from accounts.models import User
from accounts.passkeys import passkey_problem
from tests.accounts.device import Device
from tests.accounts.people import is_signed_in, post_password, sign_in, with_totp

pytestmark = pytest.mark.django_db

LOGIN = "mfa_login_webauthn"


@pytest.fixture
def device(owner: User) -> Device:
    """One that the owner has added."""
    device = Device()
    device.row_for(owner)
    return device


def options_for_login(client: Client) -> dict[str, Any]:
    answer = client.get(reverse(LOGIN), headers={"Accept": "application/json"}).json()
    options: dict[str, Any] = answer["request_options"]
    return options


def log_in(client: Client, credential: Any, **form: str) -> Any:
    data = {"credential": json.dumps(credential), **form}
    return client.post(reverse(LOGIN), data, follow=True)


class TestAdding:
    def add(self, client: Client, device: Device, **form: str) -> Any:
        page = client.get(reverse("mfa_add_webauthn"))
        credential = device.create(page.context["js_data"]["creation_options"])
        data = {"credential": json.dumps(credential), **form}
        return client.post(reverse("mfa_add_webauthn"), data)

    def test_with_a_name(self, owner: User) -> None:
        client = sign_in(owner)
        response = self.add(client, Device(), name="Blue key", passwordless="on")
        assert response["Location"] == reverse("mfa_view_recovery_codes")
        assert [str(factor) for factor in second_factors(owner)] == ["Blue key"]

    def test_without_a_name(self, owner: User) -> None:
        self.add(sign_in(owner), Device())
        assert [str(factor) for factor in second_factors(owner)] == ["Passkey 1"]

    def test_made_for_another_site(self, owner: User) -> None:
        response = self.add(sign_in(owner), Device(host="evil.example"))
        assert response.status_code == 200
        assert not second_factors(owner)

    def test_the_answer_to_another_question(self, owner: User) -> None:
        client = sign_in(owner)
        client.get(reverse("mfa_add_webauthn"))
        credential = Device().create({"publicKey": {"challenge": "AAAA"}})
        data = {"credential": json.dumps(credential)}
        assert client.post(reverse("mfa_add_webauthn"), data).status_code == 200
        assert not second_factors(owner)

    def test_rename_and_remove(self, owner: User) -> None:
        client = sign_in(owner)
        self.add(client, Device(), name="Phone")
        (row,) = second_factors(owner)
        client.post(reverse("mfa_edit_webauthn", args=[row.pk]), {"name": "Old phone"})
        assert [str(factor) for factor in second_factors(owner)] == ["Old phone"]
        client.post(reverse("mfa_remove_webauthn", args=[row.pk]))
        assert not second_factors(owner)
        post = post_password(Client(), owner)
        assert post["Location"] == reverse("web:workspace")


class TestSigningIn:
    def test_alone(self, client: Client, device: Device) -> None:
        log_in(client, device.get(options_for_login(client)))
        assert is_signed_in(client)

    def test_it_is_both_factors(self, client: Client, owner: User, device: Device) -> None:
        with_totp(owner)
        log_in(client, device.get(options_for_login(client)))
        assert is_signed_in(client)

    def test_leads_to_where_one_wanted(self, client: Client, device: Device) -> None:
        credential = device.get(options_for_login(client))
        page = log_in(client, credential, next="/trash/")
        assert page.redirect_chain[0] == ("/trash/", 302)

    def test_and_never_to_another_site(self, client: Client, device: Device) -> None:
        credential = device.get(options_for_login(client))
        page = log_in(client, credential, next="https://evil.example/")
        assert page.redirect_chain[0] == (reverse("web:workspace"), 302)

    def test_an_answer_works_once(self, client: Client, device: Device) -> None:
        """Neither for somebody else who has seen it, nor again for the same browser."""
        options = options_for_login(client)
        credential = device.get(options)
        other = Client()
        options_for_login(other)
        log_in(other, credential)
        assert not is_signed_in(other)
        log_in(client, credential)
        client.post(reverse("account_logout"))
        log_in(client, credential)
        assert not is_signed_in(client)

    def test_an_account_that_is_off(self, client: Client, owner: User, device: Device) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        page = log_in(client, device.get(options_for_login(client)))
        assert "switched off" in page.content.decode()
        assert not is_signed_in(client)

    def test_nobody_learns_who_has_a_passkey(
        self, client: Client, owner: User, stranger: User, device: Device
    ) -> None:
        """A wrong signature, an account without a passkey and no account look the same."""
        liar, lost, nobody = Device(), Device(), Device(user_handle=b"0" * 32)
        liar.user_handle, liar.credential_id = device.user_handle, device.credential_id
        lost.row_for(stranger).delete()
        pages = [log_in(client, one.get(options_for_login(client))) for one in (liar, lost, nobody)]
        notes = [[str(note) for note in page.context["messages"]] for page in pages]
        assert notes == [["This passkey was not accepted."]] * 3
        assert not is_signed_in(client)

    def test_as_a_second_step(self, client: Client, owner: User, device: Device) -> None:
        post_password(client, owner)
        page = client.get(reverse("mfa_authenticate"))
        credential = device.get(page.context["js_data"]["request_options"])
        client.post(reverse("mfa_authenticate"), {"credential": json.dumps(credential)})
        assert is_signed_in(client)

    def test_as_proof_that_it_is_you(self, owner_client: Client, device: Device) -> None:
        target = reverse("mfa_list_webauthn")
        page = owner_client.get(reverse("mfa_reauthenticate_webauthn"), {"next": target})
        credential = device.get(page.context["js_data"]["request_options"])
        data = {"credential": json.dumps(credential), "next": target}
        response = owner_client.post(reverse("mfa_reauthenticate_webauthn"), data)
        assert response["Location"] == target
        assert owner_client.get(reverse("mfa_add_webauthn")).status_code == 200

    def test_the_passkey_of_another_does_not_do(
        self, client: Client, stranger: User, owner: User, device: Device
    ) -> None:
        mine = Device()
        mine.row_for(stranger)
        post_password(client, stranger)
        page = client.get(reverse("mfa_authenticate"))
        credential = device.get(page.context["js_data"]["request_options"])
        client.post(reverse("mfa_authenticate"), {"credential": json.dumps(credential)})
        assert not is_signed_in(client)


DEEP: Any = "[" * 3000 + "]" * 3000
MADE_UP: list[Any] = [
    "",
    "milk",
    "null",
    "1",
    '"text"',
    "[]",
    "{}",
    "[{}]",
    DEEP,
    '{"id": 1}',
    '{"id": "AA", "rawId": "AA", "type": "public-key"}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": null}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": []}',
    '{"id": "AA", "rawId": "BB", "type": "public-key", "response": {}}',
    '{"id": "AA", "rawId": "AA", "response": {"userHandle": 7, "clientDataJSON": 1}}',
    '{"id": "é", "rawId": "é", "response": {"userHandle": "é", "clientDataJSON": "é"}}',
    '{"id": "\\u0000", "rawId": "\\u0000", "response": {"userHandle": "\\u0000"}}',
]


class TestMadeUpAnswers:
    """They are refused with a sentence, and end no page."""

    @pytest.mark.parametrize("text", MADE_UP)
    def test_everywhere(
        self, text: str, client: Client, owner: User, stranger: User, device: Device
    ) -> None:
        options_for_login(client)
        assert client.post(reverse(LOGIN), {"credential": text}).status_code == 302
        signed_in = sign_in(stranger)
        signed_in.get(reverse("mfa_add_webauthn"))
        adding = signed_in.post(reverse("mfa_add_webauthn"), {"credential": text})
        assert adding.status_code == 200
        Device().row_for(stranger)
        signed_in.get(reverse("mfa_reauthenticate_webauthn"))
        proving = signed_in.post(reverse("mfa_reauthenticate_webauthn"), {"credential": text})
        assert proving.status_code == 302
        half_way = Client()
        post_password(half_way, owner)
        half_way.get(reverse("mfa_authenticate"))
        step = half_way.post(reverse("mfa_authenticate"), {"credential": text})
        assert step.status_code == 200
        assert not is_signed_in(half_way)

    @pytest.mark.parametrize("part", ["authenticatorData", "signature", "clientDataJSON"])
    @pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 500, b"{}", b"[1]", b"null"])
    def test_parts(self, part: str, content: bytes, client: Client, device: Device) -> None:
        credential = device.get(options_for_login(client))
        credential["response"][part] = websafe_encode(content)
        log_in(client, credential)
        assert not is_signed_in(client)

    @pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 500, b"\xa0", b"\xa1\x61a\x01"])
    def test_attestations(self, content: bytes, owner: User) -> None:
        client = sign_in(owner)
        page = client.get(reverse("mfa_add_webauthn"))
        credential = Device().create(page.context["js_data"]["creation_options"])
        credential["response"]["attestationObject"] = websafe_encode(content)
        data = {"credential": json.dumps(credential)}
        assert client.post(reverse("mfa_add_webauthn"), data).status_code == 200
        assert not second_factors(owner)

    def test_trying_is_slowed_down(self, client: Client, owner: User) -> None:
        for _ in range(30):
            assert client.post(reverse(LOGIN), {"credential": "{}"}).status_code == 302
        response = client.post(reverse(LOGIN), {"credential": "{}"})
        assert (response.status_code, response["Retry-After"]) == (429, "300")

    def test_asking_makes_no_end_of_sessions(self, owner: User) -> None:
        as_json = {"Accept": "application/json"}
        statuses = [Client().get(reverse(LOGIN), headers=as_json).status_code for _ in range(70)]
        assert statuses == [200] * 60 + [429] * 10
        assert Session.objects.count() == 60


class TestWhereTheyCanBe:
    @pytest.mark.parametrize(
        ("host", "is_secure", "on_own_machine", "is_possible"),
        [
            ("cutouts.example.com", True, False, True),
            ("cutouts.example.com:8443", True, False, True),
            ("cutouts.example.com", False, True, False),
            ("localhost:8000", False, True, True),
            ("localhost", False, True, True),
            ("clearcut.localhost:8000", False, True, True),
            ("localhost:8000", False, False, False),
            ("localhost.evil.example", False, True, False),
            ("127.0.0.1:8000", False, True, False),
            ("127.0.0.1:8000", True, True, False),
            ("[::1]:8000", True, True, False),
            ("[::1]", True, True, False),
            ("192.168.1.7", False, True, False),
        ],
    )
    def test_hosts(
        self,
        host: str,
        is_secure: bool,
        on_own_machine: bool,
        is_possible: bool,
        rf: RequestFactory,
        settings: Settings,
    ) -> None:
        settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = on_own_machine
        request = rf.get("/", headers={"Host": host}, secure=is_secure)
        assert (passkey_problem(request) == "") is is_possible

    def test_pages_say_why_not(self, client: Client, owner: User) -> None:
        for page in (client.get(reverse("account_login")), sign_in(owner).get("/accounts/2fa/")):
            assert "Passkeys need a secure connection" in page.content.decode()
            assert "data-passkey=" not in page.content.decode()

    def test_pages_offer_them_where_they_work(self, client: Client, owner: User) -> None:
        page = client.get(reverse("account_login"), secure=True)
        assert 'data-passkey="get"' in page.content.decode()
        assert "Passkeys need a secure connection" not in page.content.decode()
