"""Deleting an account: everything goes, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import models
from django.db.models.signals import pre_delete
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ApiToken, Invitation, User
from accounts.services.departure import leave
from accounts.services.errors import LastAdministrator
from accounts.services.invitations import accept, invite
from accounts.services.unused import delete_unused, warn_unused
from images.models import Image, Usage
from images.services.departures import delete_departed
from images.services.overview import people
from images.services.renditions import get_rendition
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.accounts.test_first_run import in_threads
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

PAGE = "/account/delete/"
PASSWORD = "correct horse battery"


def note(by: User, about: User) -> LogEntry:
    return LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(about.pk),
        object_repr=about.email,
        action_flag=CHANGE,
    )


def fill_account(user: User) -> None:
    """Something in every corner."""
    for name in ("one.png", "two.png"):
        image = submit(user, name)
        run_next_cutout()
        image.refresh_from_db()
        assert image.current_cutout
        get_rendition(cutout=image.current_cutout, spec=RenderSpec())
    ApiToken.objects.issue(user=user, name="Shop")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    Authenticator.objects.create(user=user, type="totp", data={})
    SocialAccount.objects.create(user=user, provider="company", uid=str(user.pk))


def sign_in(user: User) -> Client:
    client = Client()
    form = {"login": user.email, "password": PASSWORD}
    assert client.post("/accounts/login/", form).status_code == 302
    return client


def references(user: User) -> Iterator[tuple[type[models.Model], int]]:
    """Every model with a relation to people, and how many of its rows refer to `user`."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                yield model, model._default_manager.filter(**{field.attname: user.pk}).count()


def files_under(folder: str | Path) -> set[str]:
    return {str(path) for path in Path(folder).rglob("*") if path.is_file()}


class TestEverythingGoes:
    @pytest.mark.django_db(transaction=True)  # files go when the transaction is committed
    def test_rows_and_files(self, owner: User, stranger: User, settings: Settings) -> None:
        fill_account(stranger)
        sign_in(stranger)
        kept_files = files_under(settings.MEDIA_ROOT)
        kept_rows = dict(references(stranger))
        note(by=stranger, about=owner)
        fill_account(owner)
        submit(owner, "queued.png")
        sign_in(owner)
        assert sum(count > 0 for _model, count in references(owner)) > 7
        assert files_under(settings.MEDIA_ROOT) > kept_files

        leave(user=owner)
        while delete_departed():
            pass

        assert not User.objects.filter(pk=owner.pk).exists()
        assert {model: count for model, count in references(owner) if count} == {}
        assert files_under(settings.MEDIA_ROOT) == kept_files
        assert dict(references(stranger)) == kept_rows | {LogEntry: 1}
        assert owner.email not in str(list(LogEntry.objects.values()))

    def test_at_once(self, owner: User) -> None:
        client, other = sign_in(owner), sign_in(owner)
        _token, key = ApiToken.objects.issue(user=owner, name="Shop")
        leave(user=owner)
        for browser in (client, other):
            assert browser.get("/workspace/").status_code == 302
        assert ApiToken.objects.find(key) is None
        assert not Session.objects.exists()
        assert not UserSession.objects.exists()
        row = User.objects.get()
        assert not row.is_active
        assert not row.has_usable_password()
        assert "owner" not in str(User.objects.values())

    def test_the_address_is_free(self, owner: User, client: Client) -> None:
        leave(user=owner)
        form = {"email": owner.email, "password1": PASSWORD}
        assert client.post("/accounts/signup/", form)["Location"] == "/workspace/"

    def test_invitations_forget_the_address(self, admin: User) -> None:
        _invitation, token = invite(by=admin, email="guest@example.com")
        user = accept(token=token, email="", password=PASSWORD)
        LogEntry.objects.log_actions(admin.pk, Invitation.objects.all(), CHANGE, "Invited.")
        leave(user=user)
        assert not Invitation.objects.exists()
        assert "guest" not in str(LogEntry.objects.values())

    def test_what_an_administrator_made_stays(self, admin: User, owner: User) -> None:
        UserFactory.create(is_superuser=True)
        invite(by=admin, email="guest@example.com")
        leave(user=admin)
        delete_departed()
        assert Invitation.objects.get().invited_by is None

    @pytest.mark.django_db(transaction=True)
    def test_what_an_administrator_did_stays_in_the_log(
        self, admin: User, owner: User, settings: Settings
    ) -> None:
        UserFactory.create(is_superuser=True)
        fill_account(admin)
        entry = note(by=admin, about=owner)
        before = people().total
        leave(user=admin)
        for _sweep in range(2):
            delete_departed()
        entry.refresh_from_db()
        assert entry.user.pk == admin.pk
        assert {model for model, count in references(admin) if count} == {LogEntry}
        assert admin.email not in str(list(User.objects.values()))
        assert files_under(settings.MEDIA_ROOT) == set()
        assert people().total == before - 1
        LogEntry.objects.all().delete()
        delete_departed()
        assert not User.objects.filter(pk=admin.pk).exists()

    def test_in_several_sweeps(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        submit(owner)
        leave(user=owner)
        monkeypatch.setattr("images.services.departures.BUDGET_SECONDS", -1.0)
        assert delete_departed() == 0
        assert Image.objects.exists()
        monkeypatch.undo()
        assert delete_departed() == 1
        assert not User.objects.exists()
        assert not Usage.objects.exists()

    def test_whatever_the_counters_say(self, owner: User) -> None:
        submit(owner)
        Usage.objects.update(images=0, bytes=0)
        leave(user=owner)
        assert delete_departed() == 1
        assert not User.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_one_that_cannot_go_holds_up_nobody(self, owner: User, stranger: User) -> None:
        def refuse(instance: User, **kwargs: object) -> None:
            if instance == owner:
                raise OSError("no")

        pre_delete.connect(refuse, sender=User)
        for person in (owner, stranger):
            leave(user=person)
        delete_departed()
        pre_delete.disconnect(refuse, sender=User)
        assert User.objects.get() == owner

    def test_twice(self, owner: User) -> None:
        leave(user=owner)
        first = User.objects.get().deletion_requested_at
        leave(user=owner)
        assert User.objects.get().deletion_requested_at == first


class TestTheLastAdministrator:
    def test_stays(self, admin: User) -> None:
        UserFactory.create(is_superuser=True, is_active=False)
        UserFactory.create(is_staff=True)
        with pytest.raises(LastAdministrator):
            leave(user=admin)
        admin.refresh_from_db()
        assert admin.is_active

    def test_is_told_so(self, admin: User) -> None:
        client = sign_in(admin)
        assert "the only superuser" in client.get(PAGE).content.decode()
        client.post(PAGE, {"email": admin.email})
        assert User.objects.get().is_active

    @pytest.mark.django_db(transaction=True)
    def test_two_at_the_same_moment(self) -> None:
        people = [UserFactory.create(is_superuser=True) for _ in range(4)]

        def try_to(number: int) -> bool:
            try:
                leave(user=people[number])
            except LastAdministrator:
                return False
            return True

        assert sorted(in_threads(4, try_to)) == [False, True, True, True]


class TestThePage:
    def test_leaves(self, owner: User, image: Image) -> None:
        client = sign_in(owner)
        assert "1 picture" in client.get(PAGE).content.decode()
        response = client.post(PAGE, {"email": " Owner@Example.com "}, follow=True)
        assert "Your account is gone" in response.content.decode()
        assert response.redirect_chain == [("/", 302)]
        assert client.get("/workspace/").status_code == 302
        assert not User.objects.get().is_active

    @pytest.mark.parametrize("typed", ["", "yes", "stranger@example.com"])
    def test_the_address_must_be_typed(self, owner: User, typed: str) -> None:
        page = sign_in(owner).post(PAGE, {"email": typed})
        assert page.context["form"].errors
        assert User.objects.get().is_active

    def test_needs_the_password_again(self, owner_client: Client, owner: User) -> None:
        response = owner_client.post(PAGE, {"email": owner.email})
        assert response["Location"].startswith("/accounts/reauthenticate/")
        assert User.objects.get().is_active

    def test_not_for_the_signed_out(self, client: Client) -> None:
        assert "/accounts/login/" in client.get(PAGE)["Location"]

    def test_trying_is_slowed_down(self, owner: User, settings: Settings) -> None:
        client = sign_in(owner)
        settings.ACCOUNT_RATE_LIMITS = {"leave": "1/m/user"}
        assert [client.post(PAGE, {"email": "x"}).status_code for _ in range(2)] == [200, 429]


class TestUnusedAccounts:
    @pytest.fixture(autouse=True)
    def after_a_year(self, settings: Settings) -> None:
        settings.UNUSED_ACCOUNT_DAYS = 365
        settings.HAS_MAIL_SERVER = True

    def unseen(self, user: User, days: float) -> None:
        User.objects.filter(pk=user.pk).update(last_seen_at=timezone.now() - timedelta(days=days))

    def warned(self, user: User, days: float) -> None:
        warned = timezone.now() - timedelta(days=days)
        User.objects.filter(pk=user.pk).update(deletion_warned_at=warned)

    def test_warned_two_weeks_before_and_once(self, owner: User, stranger: User) -> None:
        self.unseen(owner, 352)
        self.unseen(stranger, 350)
        assert warn_unused() == 1
        (message,) = mail.outbox
        assert message.to == [owner.email]
        assert warn_unused() == 0
        assert delete_unused() == 0

    def test_deleted_two_weeks_after_the_warning(self, owner: User) -> None:
        self.unseen(owner, 500)
        assert delete_unused() == 0
        self.warned(owner, 13.9)
        assert delete_unused() == 0
        self.warned(owner, 14)
        assert delete_unused() == 1
        assert User.objects.get().deletion_requested_at

    def test_who_comes_back_stays(self, owner: User) -> None:
        self.unseen(owner, 500)
        self.warned(owner, 20)
        assert sign_in(owner).get("/workspace/").status_code == 200
        assert delete_unused() == 0
        assert User.objects.get().deletion_warned_at is None

    def test_a_token_is_a_sign_of_life(self, owner: User, client: Client) -> None:
        self.unseen(owner, 500)
        _token, key = ApiToken.objects.issue(user=owner, name="t")
        client.get("/api/v1/account/", headers={"Authorization": f"Token {key}"})
        assert warn_unused() == 0

    def test_a_mail_that_is_not_taken_is_no_warning(self, owner: User, settings: Settings) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        self.unseen(owner, 500)
        assert warn_unused() == 0
        assert User.objects.get().deletion_warned_at is None

    def test_without_a_mail_server_the_time_passes_all_the_same(
        self, owner: User, settings: Settings
    ) -> None:
        settings.HAS_MAIL_SERVER = False
        self.unseen(owner, 500)
        assert warn_unused() == 1
        assert mail.outbox == []
        assert delete_unused() == 0
        self.warned(owner, 14)
        assert delete_unused() == 1

    @pytest.mark.parametrize(
        "kept", [{"is_staff": True}, {"is_superuser": True}, {"is_active": False}]
    )
    def test_who_is_left_alone(self, kept: dict[str, bool]) -> None:
        user = UserFactory.create(**kept)
        self.unseen(user, 5000)
        self.warned(user, 100)
        assert delete_unused() == 0
        self.unseen(user, 5000)
        User.objects.update(deletion_warned_at=None)
        assert warn_unused() == 0

    def test_off_by_default(self, owner: User, settings: Settings) -> None:
        settings.UNUSED_ACCOUNT_DAYS = 0
        self.unseen(owner, 5000)
        self.warned(owner, 100)
        assert (warn_unused(), delete_unused()) == (0, 0)
