"""Forms of the ways in and out: first run, invitations, leaving."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.agreement import Agreement
from accounts.models import Signup, User

SIGNUP = [
    (Signup.OPEN, _("Anybody")),
    (Signup.INVITATION, _("Only people I invite")),
    (Signup.CLOSED, _("Nobody; administrators do it")),
]
INVITATION_DAYS = [
    ("1", _("After a day")),
    ("7", _("After 7 days")),
    ("30", _("After 30 days")),
]


class NewAccount(forms.Form):
    """An address and a new password, typed twice since nobody may be there to reset it."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password1 = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=_("The same password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password2(self) -> str:
        again: str = self.cleaned_data["password2"]
        if self.cleaned_data.get("password1") not in (None, again):
            raise ValidationError(_t("You must type the same password each time."))
        return again


class FirstRunForm(NewAccount):
    code = forms.CharField(
        label=_("One-time code"),
        max_length=200,
        help_text=_(
            "The server printed it, as a part of the link, when it started. "
            "“manage.py first_run_link” prints it again."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    signup = forms.ChoiceField(
        label=_("Who may make an account from now on?"),
        choices=SIGNUP,
        initial=Signup.INVITATION,
        help_text=_("You can change this at any time in the admin site."),
    )

    field_order = ["code", "email", "password1", "password2", "signup"]

    def __init__(self, *args: Any, code: str = "", **kwargs: Any) -> None:
        """With the `code` that came with the link, nobody has to type one."""
        super().__init__(*args, **kwargs)
        if code:
            del self.fields["code"]
        if settings.SIGNUP:
            del self.fields["signup"]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        max_length=254,
        help_text=_("Whom it is for. Leave it empty for a link that anybody may use, once."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(
        label=_("Expires"), choices=INVITATION_DAYS, coerce=int, initial="7"
    )


class AcceptForm(NewAccount, Agreement):
    """What an invited person fills in. An address that was invited cannot be exchanged."""

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if email:
            self.fields["email"].disabled = True
            self.initial["email"] = email

    def clean(self) -> dict[str, Any]:
        super().clean()
        if "password1" in self.cleaned_data:
            try:
                validate_password(
                    self.cleaned_data["password1"], User(email=self.cleaned_data.get("email", ""))
                )
            except ValidationError as error:
                self.add_error("password1", error)
        return self.cleaned_data


class LeaveForm(forms.Form):
    """The address typed by hand: nobody does that by accident."""

    email = forms.CharField(
        label=_("Your e-mail address"),
        help_text=_("Type it to confirm that everything shall go."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"].strip()
        if typed.casefold() != self.user.email.casefold():
            raise ValidationError(_t("This is not the address of your account."))
        return typed
