"""The form that changes the address of an account."""

from allauth.account.forms import AddEmailForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.services.addresses import is_taken
from accounts.services.email import begin_change, change_email


class ChangeEmailForm(AddEmailForm):
    """Without a mail server nothing can be verified, so that the new address holds at once."""

    email = forms.EmailField(
        label=_("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email(self) -> str:
        """With a mail server, whether another account has the address is not told: a mail tells."""
        email: str = super().clean_email()
        if not settings.HAS_MAIL_SERVER and is_taken(email):
            raise ValidationError(_t("This address belongs to another account."), code="taken")
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        if settings.HAS_MAIL_SERVER:
            pending = begin_change(user=self.user, email=self.cleaned_data["email"])
            send_verification_email_to_address(request, pending)
            return pending
        try:
            address = change_email(user=self.user, email=self.cleaned_data["email"])
        except IntegrityError as error:
            messages.error(request, _t("This address belongs to another account."))
            raise ImmediateHttpResponse(redirect("account_email")) from error
        messages.success(request, _t("Your e-mail address is %(email)s now.") % {"email": address})
        return address
