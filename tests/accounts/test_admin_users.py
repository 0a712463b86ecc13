"""People in the admin site: what they use, what they may, and how they get in."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from accounts.admin.sizes import LARGEST, read_size, say_size
from accounts.models import ApiToken, User
from accounts.services import access
from images.tasks import run_next_cutout
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

USERS = reverse("admin:accounts_user_changelist")
MB = 1024**2


def page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def act(client: Client, action: str, *users: User) -> str:
    """The page after the action, whatever it says."""
    chosen = {"action": action, "_selected_action": [str(user.pk) for user in users]}
    return client.post(USERS, chosen, follow=True).content.decode()


def save(client: Client, user: User, **changes: Any) -> Any:
    form = {"email": user.email, "name": user.name, "is_active": "on"} | changes
    return client.post(page_of(user), form)


def give_factor(user: User) -> None:
    for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
        Authenticator.objects.create(user=user, type=kind, data={"secret": "x"})


@pytest.fixture
def clerk_client() -> Client:
    """Somebody who may see and change accounts, and is no superuser."""
    clerk = UserFactory.create(email="clerk@example.com", is_staff=True)
    names = ["view_user", "change_user"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(clerk)
    return client


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    admin_client: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        user = UserFactory.create(max_bytes=MB)
        submit(user)
        run_next_cutout()
        give_factor(user)
        Client().force_login(user)
    admin_client.get(USERS)
    # Session, person, count, page.
    with django_assert_num_queries(4):
        page = admin_client.get(USERS)
    assert page.context["cl"].result_count == count + 1


def test_making_an_account(admin_client: Client) -> None:
    password = "a calm green harbour 17"
    form = {"email": "new@example.com", "password1": password, "password2": password}
    address = reverse("admin:accounts_user_add")
    assert admin_client.post(address, form | {"usable_password": "true"}).status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.check_password(password)
    assert not user.is_staff
    assert EmailAddress.objects.get(user=user).verified
    again = admin_client.post(address, form | {"email": "NEW@example.com"})
    assert "exists already" in again.content.decode()


def test_deleting_a_key(admin_client: Client, owner: User) -> None:
    token, key = ApiToken.objects.issue(user=owner, name="t")
    address = reverse("admin:accounts_apitoken_delete", args=[token.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert ApiToken.objects.find(key) is None


def test_columns(admin_client: Client, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(
        max_images=10, max_bytes=3 * 1024 * MB, max_cutouts_per_month=7
    )
    submit(owner)
    submit(owner)
    give_factor(owner)
    Client().force_login(owner)
    (row,) = [row for row in admin_client.get(USERS).context["cl"].result_list if row == owner]
    assert (row.pictures_kept, row.cutouts_this_month, row.session_count) == (2, 2, 1)
    assert row.bytes_kept > 0
    assert row.has_factor
    page = admin_client.get(USERS).content.decode()
    for words in (
        "10 pictures, 3 GB, 7 a month",
        "2 pictures<",
        "1 session<",
        "second factor<",
    ):
        assert words in page


def test_recovery_codes_alone_are_no_factor(admin_client: Client, owner: User) -> None:
    give_factor(owner)
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).delete()
    found = admin_client.get(USERS, {"factor": "yes"}).context["cl"].result_list
    assert list(found) == []


def test_filters(admin_client: Client, owner: User, stranger: User) -> None:
    give_factor(owner)
    for value, expected in (("yes", {owner}), ("no", {stranger})):
        found = admin_client.get(USERS, {"factor": value, "is_staff__exact": "0"})
        assert set(found.context["cl"].result_list) == expected


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500 MB", 500 * MB),
        ("500mb", 500 * MB),
        ("1.5 GB", 1536 * MB),
        ("1,5 GB", 1536 * MB),
        ("1048577", MB + 1),
        ("1048577 bytes", MB + 1),
        ("0", 0),
        ("2 TB", 2 * 1024**4),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text) == size
    assert read_size(say_size(size)) == size


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, MB - 1, MB, MB + 1, 10**12, LARGEST])
def test_sizes_are_said_exactly(size: int) -> None:
    assert read_size(say_size(size)) == size


@pytest.mark.parametrize("text", ["", "much", "-1 MB", "1 XB", "1.2.3 MB", "9e9 MB", f"{LARGEST}0"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_size(text)


def test_limits_are_set_and_taken_away(admin_client: Client, owner: User) -> None:
    limits = {"max_images": "3", "max_bytes": "1.5 GB", "max_cutouts_per_month": "0"}
    assert save(admin_client, owner, **limits).status_code == 302
    owner.refresh_from_db()
    assert (owner.max_images, owner.max_bytes, owner.max_cutouts_per_month) == (3, 1536 * MB, 0)
    assert 'value="1536 MB"' in admin_client.get(page_of(owner)).content.decode()
    assert save(admin_client, owner).status_code == 302
    owner.refresh_from_db()
    assert (owner.max_images, owner.max_bytes, owner.max_cutouts_per_month) == (None, None, None)


@pytest.mark.parametrize("text", ["lots", "-5", "99999999999999999999 TB"])
def test_wrong_sizes_are_told(admin_client: Client, owner: User, text: str) -> None:
    refused = save(admin_client, owner, max_bytes=text)
    assert refused.status_code == 200
    assert "Write a size such as 500 MB or 2 GB." in refused.content.decode()


def test_deactivating_signs_out(
    admin_client: Client, owner: User, stranger: User, owner_client: Client, stranger_client: Client
) -> None:
    key = ApiToken.objects.issue(user=owner, name="t")[1]
    assert "1 account is switched off." in act(admin_client, "deactivate", owner)
    assert owner_client.get("/workspace/").status_code == 302
    assert Client().get("/api/v1/account/", headers={"X-Api-Key": key}).status_code == 401
    assert stranger_client.get("/workspace/").status_code == 200
    assert not UserSession.objects.filter(user=owner).exists()
    assert "1 account is active." in act(admin_client, "activate", owner)
    assert owner_client.get("/workspace/").status_code == 302
    owner_client.force_login(owner)
    assert owner_client.get("/workspace/").status_code == 200


def test_deactivating_in_the_form_signs_out(
    admin_client: Client,
    owner: User,
    owner_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    form = {"email": owner.email, "name": ""}
    with django_capture_on_commit_callbacks(execute=True):
        assert admin_client.post(page_of(owner), form).status_code == 302
    assert owner_client.get("/workspace/").status_code == 302
    assert not UserSession.objects.filter(user=owner).exists()


def test_nobody_locks_themselves_out(admin_client: Client, admin: User) -> None:
    assert "0 accounts are switched off." in act(admin_client, "deactivate", admin)
    save(admin_client, admin, name="Me", is_active="", is_superuser="", is_staff="")
    admin.refresh_from_db()
    assert (admin.name, admin.is_active, admin.is_superuser, admin.is_staff) == ("Me", 1, 1, 1)
    address = reverse("admin:accounts_user_delete", args=[admin.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    act(admin_client, "delete_selected", admin)
    assert User.objects.filter(pk=admin.pk).exists()


def test_signing_out_everywhere(admin_client: Client, owner: User, owner_client: Client) -> None:
    Client().force_login(owner)
    UserSession.objects.filter(user=owner)[0].delete()  # one that no list knows
    assert "2 sessions ended." in act(admin_client, "sign_out", owner)
    assert owner_client.get("/workspace/").status_code == 302
    assert Session.objects.count() == 1
    assert admin_client.get(USERS).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_sessions_are_read_before_anything_is_locked(
    owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be very many, and meanwhile other people want to write."""
    locked: list[bool] = []
    read = Session.get_decoded

    def watched(session: Session) -> dict[str, Any]:
        locked.append(connection.in_atomic_block)
        return read(session)

    monkeypatch.setattr(Session, "get_decoded", watched)
    assert access.deactivate(users=[owner]) == 1
    assert locked == [False]
    assert not Session.objects.exists()


def test_removing_the_second_factor(
    admin_client: Client, owner: User, stranger: User, settings: Settings
) -> None:
    settings.HAS_MAIL_SERVER = True
    give_factor(owner)
    give_factor(stranger)
    assert "1 person signs in with the password alone now." in act(
        admin_client, "remove_second_factor", owner
    )
    assert not Authenticator.objects.filter(user=owner).exists()
    assert Authenticator.objects.filter(user=stranger).count() == 2
    (sent,) = mail.outbox
    assert sent.to == [owner.email]
    assert "removed the second factor" in sent.body
    entry = LogEntry.objects.get(object_id=str(owner.pk))
    assert entry.change_message == "Second factor removed."


def test_no_mail_without_a_server(admin_client: Client, owner: User) -> None:
    give_factor(owner)
    act(admin_client, "remove_second_factor", owner)
    assert not Authenticator.objects.filter(user=owner).exists()
    assert mail.outbox == []


def test_a_mail_server_that_is_away_stops_nothing(
    admin_client: Client, owner: User, settings: Settings
) -> None:
    settings.HAS_MAIL_SERVER = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    give_factor(owner)
    assert "1 person signs in" in act(admin_client, "remove_second_factor", owner)
    assert not Authenticator.objects.filter(user=owner).exists()


@pytest.mark.parametrize("action", ["deactivate", "sign_out", "remove_second_factor"])
def test_superusers_are_out_of_reach(
    clerk_client: Client, admin: User, admin_client: Client, action: str
) -> None:
    give_factor(admin)
    act(clerk_client, action, admin)
    admin.refresh_from_db()
    assert admin.is_active
    assert Authenticator.objects.filter(user=admin).count() == 2
    assert admin_client.get(USERS).status_code == 200


def test_looking_is_not_acting(clerk_client: Client, owner: User, owner_client: Client) -> None:
    viewer = UserFactory.create(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_user"))
    client = Client()
    client.force_login(viewer)
    act(client, "deactivate", owner)
    act(client, "sign_out", owner)
    assert owner_client.get("/workspace/").status_code == 200
    act(clerk_client, "deactivate", owner)
    assert owner_client.get("/workspace/").status_code == 302


def test_a_new_address_is_the_only_one(admin_client: Client, owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    assert save(admin_client, owner, email="new@example.com").status_code == 302
    address = EmailAddress.objects.get(user=owner)
    assert (address.email, address.verified, address.primary) == ("new@example.com", True, True)


def test_secrets_do_not_show(admin_client: Client, owner: User) -> None:
    Authenticator.objects.create(
        user=owner, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DP"}
    )
    page = admin_client.get(page_of(owner)).content.decode()
    assert "Remove second factor" in page
    assert "JBSWY3DP" not in page


def test_links_to_what_is_theirs(admin_client: Client, owner: User, stranger: User) -> None:
    submit(owner)
    submit(stranger)
    ApiToken.objects.issue(user=owner, name="t")
    ApiToken.objects.issue(user=stranger, name="t")
    for user in (owner, stranger):
        Client().force_login(user)
    page = admin_client.get(page_of(owner)).content.decode()
    for model in ("images/image", "images/cutout", "accounts/apitoken", "usersessions/usersession"):
        word = "owner" if model.startswith("images") else "user"
        address = f"/admin/{model}/?{word}={owner.pk}"
        assert f'href="{address}"' in page
        assert admin_client.get(address).context["cl"].result_count == 1


@pytest.mark.parametrize("value", ["x", "0" * 32, ""])
def test_links_to_nobody(admin_client: Client, owner: User, value: str) -> None:
    submit(owner)
    for model, word in (("images/cutout", "owner"), ("accounts/apitoken", "user")):
        assert admin_client.get(f"/admin/{model}/", {word: value}).status_code == 200


def test_last_seen_can_be_filtered(admin_client: Client, owner: User, admin: User) -> None:
    User.objects.filter(pk=owner.pk).update(last_seen_at=timezone.now() - timedelta(days=60))
    since = timezone.now() - timedelta(days=7)
    found = admin_client.get(USERS, {"last_seen_at__gte": since.isoformat()})
    assert list(found.context["cl"].result_list) == [admin]
