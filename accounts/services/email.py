"""Changing the address of an account."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User


@transaction.atomic
def begin_change(*, user: User, email: str) -> EmailAddress:
    """Note that `user` wants to have `email`, instead of another that was pending.

    allauth would take the account's own address for a pending one if it was never verified (there
    was no mail server then), and remove it.
    """
    pending = EmailAddress.objects.filter(user=user, verified=False)
    pending.exclude(email__iexact=user.email).delete()
    return EmailAddress.objects.create(user=user, email=email.lower())


@transaction.atomic
def change_email(*, user: User, email: str) -> EmailAddress:
    """Make `email` the one address of `user`, unverified.

    Raises IntegrityError where another account has got it in the meantime; then nothing changes.
    Links to reset the password that were made for the old address stop working.
    """
    user.email = email
    user.save(update_fields=["email"])
    EmailAddress.objects.filter(user=user).delete()
    return EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
