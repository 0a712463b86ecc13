"""Sessions, keys, invitations, decisions and the log in the admin site."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import ApiToken, Invitation, SiteSettings, User
from accounts.services.invitations import invite
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

SESSIONS = reverse("admin:usersessions_usersession_changelist")
TOKENS = reverse("admin:accounts_apitoken_changelist")
INVITATIONS = reverse("admin:accounts_invitation_changelist")
SITE = reverse("admin:accounts_sitesettings_changelist")
LOG = reverse("admin:admin_logentry_changelist")


def act(client: Client, address: str, action: str, *pks: object) -> str:
    chosen = {"action": action, "_selected_action": [str(pk) for pk in pks]}
    return client.post(address, chosen, follow=True).content.decode()


def clerk_with(*codenames: str) -> Client:
    clerk = UserFactory.create(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(clerk)
    return client


def session_of(user: User) -> UserSession:
    return UserSession.objects.get(user=user)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("address", [SESSIONS, TOKENS, INVITATIONS, LOG])
def test_queries(
    admin_client: Client,
    admin: User,
    address: str,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        user = UserFactory.create()
        Client().force_login(user)
        ApiToken.objects.issue(user=user, name="t")
        invite(by=user, email=f"guest{number}@example.com")
        LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr="x")
    admin_client.get(address)
    with django_assert_num_queries(4):  # session, person, count, page
        assert admin_client.get(address).context["cl"].result_count >= count


def test_ending_a_session(
    admin_client: Client, owner: User, owner_client: Client, stranger_client: Client
) -> None:
    session = session_of(owner)
    page = admin_client.get(SESSIONS).content.decode()
    assert owner.email in page
    assert session.session_key not in page
    assert "1 session ended." in act(admin_client, SESSIONS, "end", session.pk)
    assert owner_client.get("/workspace/").status_code == 302
    assert stranger_client.get("/workspace/").status_code == 200
    assert LogEntry.objects.get().object_repr == owner.email


def test_ended_sessions_are_not_listed(admin_client: Client, owner_client: Client) -> None:
    assert admin_client.get(SESSIONS).context["cl"].result_count == 2
    Session.objects.filter(pk=owner_client.session.session_key).delete()
    assert admin_client.get(SESSIONS).context["cl"].result_count == 1


def test_keys_of_sessions_never_show(
    admin_client: Client, owner: User, owner_client: Client
) -> None:
    session = session_of(owner)
    address = reverse("admin:usersessions_usersession_change", args=[session.pk])
    page = admin_client.get(address)
    assert page.status_code == 200
    assert session.session_key not in page.content.decode()


def test_sessions_of_superusers_are_out_of_reach(admin: User, admin_client: Client) -> None:
    clerk = clerk_with("view_usersession", "change_usersession")
    assert "0 sessions ended." in act(clerk, SESSIONS, "end", session_of(admin).pk)
    assert admin_client.get(SESSIONS).status_code == 200


def test_looking_is_not_ending(owner: User, owner_client: Client) -> None:
    act(clerk_with("view_usersession"), SESSIONS, "end", session_of(owner).pk)
    assert owner_client.get("/workspace/").status_code == 200


def test_revoking_keys(admin_client: Client, owner: User) -> None:
    token, key = ApiToken.objects.issue(user=owner, name="t")
    assert "1 token is revoked." in act(admin_client, TOKENS, "revoke", token.pk)
    assert ApiToken.objects.find(key) is None
    assert "0 tokens are revoked." in act(admin_client, TOKENS, "revoke", token.pk)
    page = admin_client.get(TOKENS).content.decode()
    assert "revoked" in page
    assert key not in page
    assert token.key_hash not in page


def test_usable_keys(admin_client: Client, owner: User) -> None:
    past = timezone.now() - timedelta(days=1)
    usable = ApiToken.objects.issue(user=owner, name="good")[0]
    expired = ApiToken.objects.issue(user=owner, name="old", expires_at=past)[0]
    revoked = ApiToken.objects.issue(user=owner, name="gone")[0]
    revoked.revoke()
    for value, expected in (("yes", {usable}), ("no", {expired, revoked})):
        found = admin_client.get(TOKENS, {"usable": value}).context["cl"].result_list
        assert set(found) == expected


def test_a_key_can_be_renamed_and_nothing_else(admin_client: Client, owner: User) -> None:
    token = ApiToken.objects.issue(user=owner, name="t")[0]
    before = ApiToken.objects.filter(pk=token.pk).values().get()
    address = reverse("admin:accounts_apitoken_change", args=[token.pk])
    form = {"name": "new", "user": "x", "prefix": "y", "key_hash": "z", "expires_at": ""}
    assert admin_client.post(address, form).status_code == 302
    assert ApiToken.objects.filter(pk=token.pk).values().get() == before | {"name": "new"}


def test_invitations(admin_client: Client, admin: User, owner: User) -> None:
    invitation, token = invite(by=admin, email="guest@example.com")
    page = admin_client.get(INVITATIONS).content.decode()
    assert "guest@example.com" in page
    assert reverse("accounts:invitations") in page
    assert token not in page
    assert invitation.token_hash not in page
    assert "1 invitation is revoked." in act(admin_client, INVITATIONS, "revoke", invitation.pk)
    assert not Invitation.objects.usable().exists()
    assert "0 invitations are revoked." in act(admin_client, INVITATIONS, "revoke", invitation.pk)
    detail = admin_client.get(reverse("admin:accounts_invitation_change", args=[invitation.pk]))
    assert invitation.token_hash not in detail.content.decode()


@pytest.mark.parametrize("name", ["add", "delete"])
def test_what_nobody_writes_by_hand(admin_client: Client, owner: User, name: str) -> None:
    Client().force_login(owner)
    row = {
        "accounts_invitation": Invitation.objects.create(expires_at=timezone.now()).pk,
        "usersessions_usersession": session_of(owner).pk,
        "admin_logentry": LogEntry.objects.create(user=owner, action_flag=CHANGE).pk,
        "accounts_sitesettings": SiteSettings.objects.get_or_create(pk=SiteSettings.PK)[0].pk,
    }
    for model, pk in row.items():
        arguments = [pk] if name == "delete" else []
        address = reverse(f"admin:{model}_{name}", args=arguments)
        assert admin_client.post(address, {"post": "yes"}).status_code == 403


def test_decisions(admin_client: Client) -> None:
    form = reverse("admin:accounts_sitesettings_change", args=[SiteSettings.PK])
    opened = admin_client.get(SITE, follow=True)
    assert opened.redirect_chain[-1][0] == form
    page = opened.content.decode()
    assert "As chosen above." in page
    assert page.count("ettings of this installation</h") == 1
    assert "&rsaquo; Settings of this installation\n" in page
    values = {"signup": "closed", "terms": "# Be kind", "privacy": ""}
    saved = admin_client.post(form, values, follow=True)
    assert saved.redirect_chain == [(reverse("admin:index"), 302)]
    assert [str(message) for message in saved.context["messages"]] == ["The settings are saved."]
    row = SiteSettings.objects.get()
    assert (row.signup, row.terms) == ("closed", "# Be kind")


def test_the_environment_counts_more(admin_client: Client, settings: Settings) -> None:
    settings.SIGNUP = "invitation"
    page = admin_client.get(SITE, follow=True).content.decode()
    assert "SIGNUP=invitation (“Only people who were invited”), and that counts." in page
    form = reverse("admin:accounts_sitesettings_change", args=[SiteSettings.PK])
    before = SiteSettings.objects.get().signup
    assert admin_client.post(form, {"signup": "closed", "terms": "x"}).status_code == 302
    assert SiteSettings.objects.get().signup == before
    assert SiteSettings.objects.get().terms == "x"


def test_the_code_of_the_first_run_never_shows(admin_client: Client) -> None:
    SiteSettings.objects.update_or_create(pk=1, defaults={"first_run_code": "very-secret-code"})
    assert "very-secret-code" not in admin_client.get(SITE, follow=True).content.decode()


def test_decisions_are_for_superusers(owner: User) -> None:
    clerk = clerk_with("view_sitesettings", "change_sitesettings")
    assert clerk.get(SITE).status_code == 403
    form = reverse("admin:accounts_sitesettings_change", args=[SiteSettings.PK])
    assert clerk.post(form, {"signup": "closed"}).status_code in (302, 403)
    assert not SiteSettings.objects.filter(signup="closed").exists()


def test_log(admin_client: Client, admin: User, owner: User) -> None:
    image = submit(owner)
    images = reverse("admin:images_image_changelist")
    act(admin_client, images, "trash", image.pk)
    page = admin_client.get(LOG).content.decode()
    assert "Moved to the trash." in page
    assert reverse("admin:images_image_change", args=[image.pk]) in page
    found = admin_client.get(LOG, {"user": str(owner.pk)}).context["cl"].result_count
    assert found == 0
    clerk = clerk_with("view_logentry")
    assert clerk.get(LOG).status_code == 200
    assert clerk.get(reverse("admin:index")).status_code == 200
