"""Invitations: links that make one account, whoever else may make one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Invitation, User, hash_key
from accounts.models.invitation import InvitationQuerySet
from accounts.services.addresses import count_as_verified, is_taken
from accounts.services.errors import AddressTaken, InvitationGone

TOKEN_BYTES = 32
DAYS = 7


def invite(*, by: User, email: str = "", days: int = DAYS) -> tuple[Invitation, str]:
    """Make an invitation; returns it with its token, which is known now and never again.

    With an `email`, only that address can use it, and counts as verified then; earlier
    invitations of the address end. Raises AddressTaken if it has an account.
    """
    email = User.objects.normalize_email(email).lower()
    if email and is_taken(email):
        raise AddressTaken
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        if email:
            _revoke(Invitation.objects.filter(email=email))
        invitation = Invitation.objects.create(
            email=email,
            token_hash=hash_key(token),
            invited_by=by,
            expires_at=timezone.now() + timedelta(days=days),
        )
    return invitation, token


def send(*, invitation: Invitation, link: str) -> bool:
    """Send `link` to the address of the invitation; False where there is no mail server.

    Raises OSError (SMTPException is one) if the mail server does not take it.
    """
    if not (settings.HAS_MAIL_SERVER and invitation.email):
        return False
    context = {"invitation": invitation, "link": link}
    send_mail(
        _("You are invited to Clearcut"),
        render_to_string("accounts/email/invitation.txt", context),
        None,
        [invitation.email],
    )
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=timezone.now())
    return True


def revoke(*, invitation: Invitation) -> bool:
    """End an invitation. False if there was nothing to end: it was used, revoked or expired."""
    return bool(_revoke(Invitation.objects.filter(pk=invitation.pk)))


def _revoke(invitations: InvitationQuerySet) -> int:
    return invitations.usable().update(revoked_at=timezone.now())


def find(*, token: str) -> Invitation:
    """The invitation that `token` is for. Raises InvitationGone for whatever cannot be used."""
    invitation = Invitation.objects.usable().filter(token_hash=hash_key(token)).first()
    if invitation is None:
        raise InvitationGone
    return invitation


def was_one(*, token: str) -> bool:
    """Whether there ever was such an invitation: only who had the link knows to ask."""
    return Invitation.objects.filter(token_hash=hash_key(token)).exists()


@contextmanager
def taking(*, token: str) -> Iterator[Invitation]:
    """Use the invitation for whatever account is made inside, in the same transaction.

    One conditional UPDATE takes it, so of several people with one link one gets an account; an
    error inside gives it back. Raises InvitationGone. Tell `note_use` who it was.
    """
    with transaction.atomic():
        usable = Invitation.objects.usable().filter(token_hash=hash_key(token))
        if not usable.update(used_at=timezone.now()):
            raise InvitationGone
        yield Invitation.objects.get(token_hash=hash_key(token))


def note_use(*, invitation: Invitation, user: User) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(used_by=user)


def accept(*, token: str, email: str, password: str) -> User:
    """Make the account of an invited person. The address of the invitation, if it has one, wins.

    Raises InvitationGone, or AddressTaken, which leaves the invitation as it was.
    """
    try:
        with taking(token=token) as invitation:
            address = (invitation.email or email).lower()
            if is_taken(address):
                raise AddressTaken
            user = User.objects.create_user(address, password)
            if invitation.email:
                count_as_verified(user=user)
            note_use(invitation=invitation, user=user)
    except IntegrityError as error:  # the address was taken a moment ago
        raise AddressTaken from error
    return user
