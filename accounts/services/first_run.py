"""The first account of an installation: made by whoever has the code that the server printed."""

import secrets

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import Signup, SiteSettings, User
from accounts.services.addresses import count_as_verified
from accounts.services.errors import AddressTaken, WrongCode

CODE_BYTES = 24


class Memory:
    """Of one process, which asks until there is somebody, and then never again."""

    has_people = False


def has_people() -> bool:
    """Whether there is any account. Costs a query until the answer is yes, then nothing."""
    if not Memory.has_people:
        Memory.has_people = User.objects.exists()
    return Memory.has_people


def has_administrator() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def first_run_code() -> str | None:
    """The code, made now if there is none; None once there is an active superuser.

    Processes that ask at the same time get the same code. One that an administrator came before
    is thrown away, so that nothing printed long ago opens a door later.
    """
    if has_administrator():
        SiteSettings.objects.exclude(first_run_code="").update(first_run_code="")
        return None
    SiteSettings.objects.get_or_create(pk=SiteSettings.PK)
    SiteSettings.objects.filter(first_run_code="").update(
        first_run_code=secrets.token_urlsafe(CODE_BYTES)
    )
    return SiteSettings.objects.values_list("first_run_code", flat=True).get()


def is_first_run_code(code: str) -> bool:
    """Compared in constant time. False for everything once there is an active superuser."""
    kept = SiteSettings.objects.values_list("first_run_code", flat=True).first() or ""
    return constant_time_compare(code, kept) and bool(kept) and not has_administrator()


def first_run_link() -> str | None:
    """The whole address with the code, for people at the server; None if it is over.

    The host is the first of ALLOWED_HOSTS, or localhost.
    """
    code = first_run_code()
    return code and f"{_base_url()}{first_run_path(code)}"


def first_run_path(code: str) -> str:
    return f"{reverse('accounts:first_run')}?{urlencode({'code': code})}"


def _base_url() -> str:
    if getattr(settings, "ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http") == "https":
        return f"https://{_host()}"
    return f"http://{_host()}:{settings.PORT}"


def _host() -> str:
    names = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return "localhost" if not names or "localhost" in names else names[0]


def create_first_administrator(
    *, code: str, email: str, password: str, signup: Signup | None = None
) -> User:
    """Make the superuser, take the code away, and say who may make accounts from now on.

    An account of that address which can have been made here without a page (by issue_token, or
    before an upgrade) becomes the administrator: if it has a password, only with that one.
    Raises WrongCode, also for all but one of several people at the same time; AddressTaken;
    ValidationError if the password is too weak.
    """
    if not is_first_run_code(code):
        raise WrongCode
    try:
        with transaction.atomic():
            _take(code, signup)
            user = _administrator(email, password)
            count_as_verified(user=user)
    except IntegrityError as error:  # the address was taken a moment ago
        raise AddressTaken from error
    Memory.has_people = True
    return user


def _take(code: str, signup: Signup | None) -> None:
    """One conditional UPDATE: of two people with the code, one finds the row changed."""
    change = {"first_run_code": ""} | ({"signup": signup} if signup else {})
    if not SiteSettings.objects.filter(first_run_code=code).update(**change):
        raise WrongCode


def _administrator(email: str, password: str) -> User:
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        validate_password(password, User(email=email))
        return User.objects.create_superuser(email, password)
    if not user.is_active:
        raise AddressTaken
    if user.has_usable_password() and not user.check_password(password):
        raise AddressTaken(_("There is an account with this address. Its own password is needed."))
    if not user.has_usable_password():
        validate_password(password, user)
        user.set_password(password)
    user.is_staff = user.is_superuser = True
    user.save(update_fields=["password", "is_staff", "is_superuser"])
    return user
