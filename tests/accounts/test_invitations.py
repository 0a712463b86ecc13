"""Invitations: made, passed on, used once."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Invitation, SiteSettings, User
from accounts.services.errors import AddressTaken, InvitationGone
from accounts.services.invitations import accept, find, invite, revoke
from tests.accounts.test_first_run import in_threads
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a calm green harbour 17"
PAGE = "/account/invitations/"


@pytest.fixture(autouse=True)
def by_invitation(db: None) -> None:
    SiteSettings.objects.create(signup="invitation")


def fill_in(**changes: str) -> dict[str, str]:
    form = {"email": "guest@example.com", "password1": PASSWORD, "password2": PASSWORD}
    return form | changes


def address_of(token: str) -> str:
    return f"/invitation/{token}/"


class TestServices:
    def test_only_the_hash_is_stored(self, admin: User) -> None:
        _invitation, token = invite(by=admin)
        assert token not in str(Invitation.objects.values().get())
        assert len(token) >= 43

    def test_used_once(self, admin: User) -> None:
        invitation, token = invite(by=admin)
        user = accept(token=token, email="Guest@example.com", password=PASSWORD)
        invitation.refresh_from_db()
        assert (user.email, invitation.used_by) == ("guest@example.com", user)
        with pytest.raises(InvitationGone):
            accept(token=token, email="second@example.com", password=PASSWORD)

    def test_an_address_counts_as_verified_where_it_was_invited(self, admin: User) -> None:
        _invitation, token = invite(by=admin, email="Guest@Example.com")
        user = accept(token=token, email="other@example.com", password=PASSWORD)
        assert user.email == "guest@example.com"
        assert EmailAddress.objects.get().verified
        _invitation, token = invite(by=admin)
        accept(token=token, email="third@example.com", password=PASSWORD)
        assert EmailAddress.objects.count() == 1

    def test_a_taken_address_leaves_the_invitation(self, admin: User, owner: User) -> None:
        _invitation, token = invite(by=admin)
        with pytest.raises(AddressTaken):
            accept(token=token, email="OWNER@example.com", password=PASSWORD)
        assert find(token=token).used_at is None
        with pytest.raises(AddressTaken):
            invite(by=admin, email=owner.email)

    def test_a_second_one_for_an_address_ends_the_first(self, admin: User) -> None:
        _invitation, first = invite(by=admin, email="guest@example.com")
        _invitation, second = invite(by=admin, email="guest@example.com")
        with pytest.raises(InvitationGone):
            find(token=first)
        assert find(token=second)

    def test_revoked(self, admin: User) -> None:
        invitation, token = invite(by=admin)
        assert revoke(invitation=invitation)
        assert not revoke(invitation=invitation)
        with pytest.raises(InvitationGone):
            accept(token=token, email="guest@example.com", password=PASSWORD)

    def test_expired(self, admin: User) -> None:
        invitation, token = invite(by=admin, days=1)
        assert invitation.expires_at - timezone.now() <= timedelta(days=1)
        Invitation.objects.update(expires_at=timezone.now())
        with pytest.raises(InvitationGone):
            accept(token=token, email="guest@example.com", password=PASSWORD)
        assert not revoke(invitation=invitation)

    @pytest.mark.django_db(transaction=True)
    def test_several_people_with_one_link(self, admin: User) -> None:
        _invitation, token = invite(by=admin)

        def try_to(number: int) -> bool:
            try:
                accept(token=token, email=f"{number}@example.com", password=PASSWORD)
            except InvitationGone:
                return False
            return True

        assert sorted(in_threads(6, try_to)) == [False] * 5 + [True]
        assert User.objects.exclude(pk=admin.pk).count() == 1


class TestPageOfAdministrators:
    def test_for_them_alone(self, owner_client: Client, client: Client) -> None:
        assert owner_client.get(PAGE).status_code == 403
        assert "/accounts/login/" in client.get(PAGE)["Location"]
        clerk = UserFactory.create(is_staff=True)
        client.force_login(clerk)
        assert client.get(PAGE).status_code == 403
        clerk.user_permissions.add(Permission.objects.get(codename="add_invitation"))
        assert client.get(PAGE).status_code == 200

    def test_the_link_is_shown_once(self, admin_client: Client) -> None:
        page = admin_client.post(PAGE, {"email": "", "days": "7"})
        link = page.context["link"]
        assert link in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        assert link not in admin_client.get(PAGE).content.decode()
        assert Client().get(link).status_code == 200
        assert mail.outbox == []

    def test_sent_where_there_is_a_mail_server(
        self, admin_client: Client, settings: Settings
    ) -> None:
        settings.HAS_MAIL_SERVER = True
        page = admin_client.post(PAGE, {"email": "guest@example.com", "days": "30"})
        (message,) = mail.outbox
        assert message.to == ["guest@example.com"]
        assert page.context["link"] in str(message.body)
        assert Invitation.objects.get().sent_at

    def test_a_mail_server_that_is_down(self, admin_client: Client, settings: Settings) -> None:
        settings.HAS_MAIL_SERVER = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        page = admin_client.post(PAGE, {"email": "guest@example.com", "days": "7"})
        assert page.context["link"] in page.content.decode()
        assert "did not take the mail" in page.content.decode()
        assert Invitation.objects.get().sent_at is None

    @pytest.mark.parametrize(
        "form", [{"email": "nobody", "days": "7"}, {"days": "8"}, {"days": "x"}, {"days": ""}]
    )
    def test_bad_input(self, admin_client: Client, form: dict[str, str]) -> None:
        assert admin_client.post(PAGE, form).context["form"].errors
        assert not Invitation.objects.exists()

    def test_what_was_done_is_in_the_log(self, admin_client: Client, admin: User) -> None:
        admin_client.post(PAGE, {"email": "guest@example.com", "days": "7"})
        admin_client.post(PAGE, {"email": admin.email, "days": "7"})  # refused
        pk = Invitation.objects.get().pk
        for _twice in range(2):
            admin_client.post(f"{PAGE}{pk}/revoke/")
        noted = LogEntry.objects.order_by("pk").values_list(
            "user", "action_flag", "object_id", "object_repr", "change_message"
        )
        assert list(noted) == [
            (admin.pk, ADDITION, str(pk), "guest@example.com", "Invited."),
            (admin.pk, CHANGE, str(pk), "guest@example.com", "Revoked."),
        ]

    def test_revoke(self, admin_client: Client, owner_client: Client, admin: User) -> None:
        invitation, token = invite(by=admin)
        address = f"{PAGE}{invitation.pk}/revoke/"
        assert owner_client.post(address).status_code == 403
        assert admin_client.get(address).status_code == 405
        assert find(token=token)
        assert admin_client.post(address).status_code == 302
        assert Client().get(address_of(token)).status_code == 410

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries_do_not_grow(
        self,
        admin_client: Client,
        admin: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for number in range(count):
            _invitation, token = invite(by=admin)
            accept(token=token, email=f"{number}@example.com", password=PASSWORD)
        admin_client.get(PAGE)
        with django_assert_num_queries(4):  # session, person, invitations, who may sign up
            admin_client.get(PAGE)


class TestPageOfTheInvited:
    @pytest.mark.parametrize("mode", ["open", "invitation", "closed"])
    def test_makes_the_account(
        self, client: Client, admin: User, settings: Settings, mode: str
    ) -> None:
        settings.SIGNUP = mode
        _invitation, token = invite(by=admin)
        assert client.get(address_of(token)).status_code == 200
        response = client.post(address_of(token), fill_in())
        assert response["Location"] == "/workspace/"
        assert client.get("/workspace/").status_code == 200
        assert Client().get(address_of(token)).status_code == 410

    def test_an_invited_address_cannot_be_exchanged(self, client: Client, admin: User) -> None:
        _invitation, token = invite(by=admin, email="guest@example.com")
        client.post(address_of(token), fill_in(email="other@example.com"))
        assert User.objects.filter(email="guest@example.com").exists()
        assert not User.objects.filter(email="other@example.com").exists()

    def test_other_addresses_are_verified_by_mail(
        self, client: Client, admin: User, settings: Settings
    ) -> None:
        settings.HAS_MAIL_SERVER = True
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        settings.ALLOWED_HOSTS = ["testserver"]
        _invitation, token = invite(by=admin)
        response = client.post(address_of(token), fill_in())
        assert response["Location"] == "/accounts/confirm-email/"
        assert mail.outbox[0].to == ["guest@example.com"]
        client = Client()
        _invitation, token = invite(by=admin, email="known@example.com")
        assert client.post(address_of(token), fill_in())["Location"] == "/workspace/"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"password1": "12345678", "password2": "12345678"}, "password1"),
            ({"password2": "x"}, "password2"),
            ({"email": "nobody"}, "email"),
            ({"email": "owner@example.com"}, "email"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, client: Client, admin: User, owner: User, changes: dict[str, str], field: str
    ) -> None:
        _invitation, token = invite(by=admin)
        page = client.post(address_of(token), fill_in(**changes))
        assert list(page.context["form"].errors) == [field]
        assert find(token=token)

    def test_the_terms(self, client: Client, admin: User) -> None:
        row = SiteSettings.objects.get()
        row.terms = "Be kind."
        row.save()
        _invitation, token = invite(by=admin)
        page = client.post(address_of(token), fill_in())
        assert list(page.context["form"].errors) == ["agree"]
        assert client.post(address_of(token), fill_in(agree="on")).status_code == 302

    def test_signed_in_already(self, owner_client: Client, admin: User) -> None:
        _invitation, token = invite(by=admin)
        assert (
            "signed in as owner@example.com" in owner_client.get(address_of(token)).content.decode()
        )
        owner_client.post(address_of(token), fill_in())
        assert find(token=token)

    def test_strangers_learn_nothing(self, client: Client, admin: User) -> None:
        invitation, token = invite(by=admin, email="guest@example.com")
        revoke(invitation=invitation)
        over, never = client.get(address_of(token)), client.get(address_of("x"))
        assert (over.status_code, never.status_code) == (410, 404)
        words = [re.sub(r"4(04|10)", "", page.content.decode()) for page in (over, never)]
        assert "guest" not in words[0]
        assert words[0] == words[1]

    def test_over_for_somebody_who_is_signed_in(self, admin: User) -> None:
        _invitation, token = invite(by=admin)
        user = accept(token=token, email="guest@example.com", password=PASSWORD)
        client = Client()
        assert "Sign in" in client.get(address_of(token)).content.decode()
        client.force_login(user)
        page = client.get(address_of(token)).content.decode()
        assert "you are signed in as guest@example.com" in page
        assert "/accounts/login/" not in page

    def test_guessing_is_slowed_down(self, client: Client, settings: Settings) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"invitation": "2/m/ip"}
        assert [client.get(address_of("x")).status_code for _ in range(3)] == [404, 404, 429]
