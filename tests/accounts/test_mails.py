"""What people read in the mails of accounts."""

from datetime import UTC, datetime
from pathlib import Path

import allauth
import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from tests.accounts.people import PASSWORD, sign_in, with_totp

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_server")]

SHIPPED = Path(allauth.__file__).parent / "templates"
NOT_OURS = ("example.com", "Thank you for using", "Hello from", "testserver!", "@testserver")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def kinds() -> list[str]:
    """Every kind of mail that the library knows, whether it is sent here or not."""
    subjects = SHIPPED.glob("*/email/*_subject.txt")
    return sorted(str(one.relative_to(SHIPPED)).removesuffix("_subject.txt") for one in subjects)


@pytest.mark.parametrize("kind", kinds())
def test_every_mail_is_ours(kind: str, rf: RequestFactory) -> None:
    request = rf.get("/")
    context = {
        "request": request,
        "email": "you@home.test",
        "current_site": {"name": "testserver", "domain": "testserver"},
        "user": User(email="you@home.test"),
        "timestamp": datetime(2026, 5, 4, 12, tzinfo=UTC),
        "ip": "192.0.2.7",
        "user_agent": FIREFOX,
    }
    message = get_adapter().render_mail(kind, "you@home.test", context)
    body = str(message.body)
    assert message.subject
    assert body.endswith("Clearcut")
    for words in NOT_OURS:
        assert words not in body + message.subject


def test_a_new_password(owner: User) -> None:
    User.objects.update(email="you@home.test")
    Client().post(reverse("account_reset_password"), {"email": "you@home.test"})
    (message,) = mail.outbox
    assert message.subject == "A new password for Clearcut"
    assert "http://testserver/accounts/password/reset/key/" in str(message.body)
    assert "the password stays as it is" in str(message.body)
    assert not [words for words in NOT_OURS if words in str(message.body)]


def test_addresses_that_nobody_has() -> None:
    Client().post(reverse("account_reset_password"), {"email": "nobody@home.test"})
    (message,) = mail.outbox
    assert message.subject == "No account at Clearcut"
    assert "nobody@home.test" in str(message.body)


def test_signing_up_and_again() -> None:
    form = {"email": "new@home.test", "password1": "a calm green harbour 17"}
    Client().post(reverse("account_signup"), form)
    EmailAddress.objects.update(verified=True)
    Client().post(reverse("account_signup"), form)
    subjects = [message.subject for message in mail.outbox]
    assert subjects == ["Confirm your address for Clearcut", "You have an account at Clearcut"]
    assert "/accounts/confirm-email/" in str(mail.outbox[0].body)
    assert "/accounts/password/reset/" in str(mail.outbox[1].body)


def test_what_happened_when_where_and_with_what(owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=True)
    client = sign_in(owner, **{"User-Agent": FIREFOX})
    with_totp(owner)
    client.post(reverse("mfa_deactivate_totp"))
    new = "x7 harbour calm"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    client.post(reverse("account_change_password"), form)
    assert [message.subject for message in mail.outbox] == [
        "The authenticator app was removed at Clearcut",
        "Your password at Clearcut was changed",
    ]
    body = str(mail.outbox[0].body)
    assert "from the network address 127.0.0.1, with Firefox on Linux." in body
    assert "change your password" in body
