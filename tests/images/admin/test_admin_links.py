"""Public addresses in the admin site: found, looked at, revoked."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Cutout, Image, ShareLink
from images.services.sharing import find_shared, share
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db

LINKS = reverse("admin:images_sharelink_changelist")


def link_to(cutout: Cutout) -> tuple[ShareLink, str]:
    return share(cutout=cutout, spec=RenderSpec(), lifetime=timedelta(days=7))


def found(client: Client, **query: str) -> set[ShareLink]:
    return set(client.get(LINKS, query).context["cl"].result_list)


def revoke(client: Client, link: ShareLink) -> str:
    chosen = {"action": "revoke", "_selected_action": [str(link.pk)]}
    return client.post(LINKS, chosen, follow=True).content.decode()


def test_revoking(admin_client: Client, cutout: Cutout) -> None:
    link, secret = link_to(cutout)
    assert find_shared(secret=secret) == link
    assert "1 public address is revoked." in revoke(admin_client, link)
    assert find_shared(secret=secret) is None
    assert LogEntry.objects.get().object_id == str(link.pk)
    assert "0 public addresses are revoked." in revoke(admin_client, link)


def test_looking_is_not_revoking(cutout: Cutout) -> None:
    link, secret = link_to(cutout)
    viewer = UserFactory.create(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_sharelink"))
    client = Client()
    client.force_login(viewer)
    assert found(client) == {link}
    revoke(client, link)
    assert find_shared(secret=secret) == link


def test_details(admin_client: Client, cutout: Cutout) -> None:
    """Without the secret, which nobody has, and without its hash."""
    link, secret = link_to(cutout)
    for address in (LINKS, reverse("admin:images_sharelink_change", args=[link.pk])):
        page = admin_client.get(address).content.decode()
        assert cutout.image.display_name in page
        assert cutout.image.owner.email in page
        assert secret not in page
        assert link.token_hash not in page


def test_searching(admin_client: Client, cutout: Cutout) -> None:
    link, _secret = link_to(cutout)
    owner = cutout.image.owner
    for text in (link.pk, cutout.pk, cutout.image_id, owner.email, "disc"):
        assert found(admin_client, q=str(text)) == {link}
    for text in (uuid4(), "nobody@example.com", "no such name"):
        assert found(admin_client, q=str(text)) == set()
    assert found(admin_client, owner=str(owner.pk)) == {link}
    assert found(admin_client, owner=str(uuid4())) == set()


def test_states(admin_client: Client, cutout: Cutout) -> None:
    link, _secret = link_to(cutout)
    past = timezone.now() - timedelta(days=1)
    assert found(admin_client, usable="yes") == {link}
    assert ">open<" in admin_client.get(LINKS).content.decode()
    Image.objects.update(deleted_at=past)
    assert ">closed: " in admin_client.get(LINKS).content.decode()
    Image.objects.update(deleted_at=None)
    for column, word in (("expires_at", "expired"), ("revoked_at", "revoked")):
        ShareLink.objects.update(**{column: past})
        assert f">{word}<" in admin_client.get(LINKS).content.decode()
        assert found(admin_client, usable="yes") == set()
        assert found(admin_client, usable="no") == {link}


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    admin_client: Client,
    owner: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        image = submit(owner)
        run_next_cutout()
        link_to(image.cutouts.get())
    admin_client.get(LINKS)
    # Session, person, count, page, cutouts, pictures, owners.
    with django_assert_num_queries(7):
        assert admin_client.get(LINKS).context["cl"].result_count == count
