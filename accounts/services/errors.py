"""What services of accounts refuse, and why: a sentence for people."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class AccountRefused(Exception):
    message: str | Promise = _("This cannot be done.")

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class WrongCode(AccountRefused):
    """Not the code of the first run, or somebody was quicker."""

    message = _("This code is not, or no longer, valid.")


class AddressTaken(AccountRefused):
    message = _("There is an account with this e-mail address already.")


class InvitationGone(AccountRefused):
    """Used, revoked or expired; or there never was one."""

    message = _("This invitation is not valid any more.")


class LastAdministrator(AccountRefused):
    message = _(
        "You are the only superuser here. Make somebody else one first, or nobody could "
        "administrate this installation."
    )
