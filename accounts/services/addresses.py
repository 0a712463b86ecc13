"""E-mail addresses: whether one is free, and when no mail is needed to believe it."""

from allauth.account.models import EmailAddress

from accounts.models import User


def is_taken(email: str) -> bool:
    """Whether an account has it, be it as its second address (verified)."""
    return (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email, verified=True).exists()
    )


def count_as_verified(*, user: User) -> None:
    """Take the address of `user` for verified, and for the primary one.

    For accounts that somebody vouches for: administrators that the server's own operator makes,
    and whoever was invited at that address.
    """
    EmailAddress.objects.filter(user=user, primary=True).update(primary=False)
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
