"""Agreeing to the terms of use, where there are any."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.site import current_pages


class Agreement(forms.Form):
    """Forms that make an account derive from it, allauth's too (ACCOUNT_SIGNUP_FORM_CLASS)."""

    field_order = ["email", "password1", "password2", "agree"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if current_pages().terms:
            self.fields["agree"] = forms.BooleanField(
                label=_sentence(),
                error_messages={"required": _("An account needs your agreement to the terms.")},
            )

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls it for the new account. There is nothing to keep."""


def _sentence() -> SafeString:
    return format_html(
        _('I agree to the <a href="{}" target="_blank" rel="noopener">terms of use</a>'),
        reverse("accounts:terms"),
    )
