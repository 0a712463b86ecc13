"""Accounts in the admin site: who may give which rights to whom."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories import UserFactory

USERS = reverse("admin:accounts_user_changelist")
CUTOUTS = reverse("admin:images_cutout_changelist")


def page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def permissions(*names: str) -> list[Permission]:
    return [Permission.objects.get(codename=name) for name in names]


@pytest.fixture
def clerk(db: None) -> User:
    return UserFactory.create(email="clerk@example.com", is_staff=True)


@pytest.fixture
def clerk_client(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def save(client: Client, user: User, **changes: Any) -> int:
    form = {"email": user.email, "name": "", "is_active": "on"} | changes
    return client.post(page_of(user), form).status_code


def test_a_permission_can_be_given_and_works(
    admin_client: Client, clerk: User, clerk_client: Client
) -> None:
    assert clerk_client.get(CUTOUTS).status_code == 403
    assert "user_permissions" in admin_client.get(page_of(clerk)).content.decode()
    (view,) = permissions("view_cutout")
    assert save(admin_client, clerk, is_staff="on", user_permissions=[view.pk]) == 302
    assert clerk_client.get(CUTOUTS).status_code == 200
    assert clerk_client.get(USERS).status_code == 403


def test_who_may_change_accounts_may_not_give_rights(
    clerk: User, clerk_client: Client, owner: User
) -> None:
    clerk.user_permissions.set(permissions("change_user", "view_user"))
    (view,) = permissions("view_cutout")
    for user in (clerk, owner):
        rights = {"is_staff": "on", "is_superuser": "on", "user_permissions": [view.pk]}
        assert save(clerk_client, user, name="Renamed", **rights) == 302
        user.refresh_from_db()
        assert user.name == "Renamed"
        assert not user.is_superuser
        assert not user.user_permissions.filter(pk=view.pk).exists()
    assert not owner.is_staff


def test_superusers_are_out_of_reach(clerk: User, clerk_client: Client, admin: User) -> None:
    clerk.user_permissions.set(permissions("change_user", "view_user", "delete_user"))
    before = User.objects.filter(pk=admin.pk).values().get()
    save(clerk_client, admin, email="mine@example.com")
    password = {"password1": "another horse battery", "password2": "another horse battery"}
    address = reverse("admin:auth_user_password_change", args=[admin.pk])
    assert clerk_client.post(address, password | {"usable_password": "true"}).status_code == 403
    address = reverse("admin:accounts_user_delete", args=[admin.pk])
    assert clerk_client.post(address, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(admin.pk)], "post": "yes"}
    clerk_client.post(USERS, chosen)
    assert User.objects.filter(pk=admin.pk).values().get() == before


def test_other_administrators_are_out_of_reach(clerk: User, clerk_client: Client) -> None:
    """Who sets their password has their rights."""
    clerk.user_permissions.set(permissions("change_user", "view_user", "delete_user"))
    other = UserFactory.create(email="other@example.com", is_staff=True)
    Authenticator.objects.create(user=other, type=Authenticator.Type.TOTP, data={})
    before = User.objects.filter(pk=other.pk).values().get()
    assert save(clerk_client, other, email="mine@example.com") == 403
    password = {"password1": "another horse battery", "password2": "another horse battery"}
    address = reverse("admin:auth_user_password_change", args=[other.pk])
    assert clerk_client.post(address, password | {"usable_password": "true"}).status_code == 403
    address = reverse("admin:accounts_user_delete", args=[other.pk])
    assert clerk_client.post(address, {"post": "yes"}).status_code == 403
    for action in ("deactivate", "remove_second_factor", "delete_selected"):
        chosen = {"action": action, "_selected_action": [str(other.pk)], "post": "yes"}
        clerk_client.post(USERS, chosen)
    assert User.objects.filter(pk=other.pk).values().get() == before
    assert Authenticator.objects.filter(user=other).exists()
    assert clerk_client.get(page_of(other)).status_code == 200


def test_other_accounts_can_be_deleted(clerk: User, clerk_client: Client, owner: User) -> None:
    clerk.user_permissions.set(permissions("view_user", "delete_user"))
    chosen = {"action": "delete_selected", "_selected_action": [str(owner.pk)], "post": "yes"}
    clerk_client.post(USERS, chosen)
    assert not User.objects.filter(email=owner.email).exists()
    assert User.objects.get(pk=owner.pk).deletion_requested_at
