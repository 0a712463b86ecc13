"""Passkeys: where they can be used at all, and forms that survive made-up answers."""

import ipaddress
import logging
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.webauthn import forms as allauth_forms
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 100


def passkey_problem(request: HttpRequest) -> str:
    """Why a browser offers no passkeys at this address; empty where it does.

    Browsers want a name, never a number, and a connection that nobody can listen to: HTTPS, or the
    machine itself.
    """
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    is_local = host == "localhost" or host.endswith(".localhost")
    if is_local and settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN:
        return ""
    if _is_number(host):
        return str(_("Passkeys need a name in the address bar, such as localhost, not a number."))
    if not request.is_secure():
        return str(_("Passkeys need a secure connection (https)."))
    return ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


REFUSAL = _("This passkey was not accepted.")


def _refusal() -> ValidationError:
    return ValidationError(REFUSAL, code="passkey_not_accepted")


class CredentialField(forms.JSONField):
    widget = forms.HiddenInput
    default_error_messages = {"invalid": REFUSAL, "required": REFUSAL}

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError as error:
            raise _refusal() from error


class _Careful(forms.Form):
    """Whatever a browser sends instead of a credential is a wrong one, not a fault of ours.

    The libraries below answer made-up credentials with a dozen kinds of exception.
    """

    credential = CredentialField()

    def _refuse_on_error(self, clean: Any) -> Any:
        try:
            return clean()
        except ValidationError as error:
            # Whether the account, the key or the signature is wrong, the words are the same.
            if getattr(error, "code", None) == "too_many_login_attempts":
                raise
            raise _refusal() from error
        except Exception as error:
            logger.info("a passkey could not be read: %r", error)
            raise _refusal() from error


class LoginForm(_Careful, allauth_forms.LoginWebAuthnForm):
    def clean_credential(self) -> Any:
        return self._refuse_on_error(super().clean_credential)


class AuthenticateForm(_Careful, allauth_forms.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        return self._refuse_on_error(super().clean_credential)


class ReauthenticateForm(_Careful, allauth_forms.ReauthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        return self._refuse_on_error(super().clean_credential)


class AddPasskeyForm(_Careful, allauth_forms.AddWebAuthnForm):
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=MAX_NAME_LENGTH,
        help_text=_("To tell it from others, for example “Phone” or “Blue key”."),
    )
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without the password"), required=False, initial=True
    )
    field_order = ["name", "passwordless", "credential"]

    def clean(self) -> dict[str, Any]:
        return self._refuse_on_error(super().clean)


class RenamePasskeyForm(allauth_forms.EditWebAuthnForm):
    name = forms.CharField(label=_("Name"), max_length=MAX_NAME_LENGTH)
