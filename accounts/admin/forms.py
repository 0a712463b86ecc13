"""Forms of accounts in the admin site."""

from django import forms
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.utils.translation import gettext_lazy as _

from accounts.admin.sizes import SizeField
from accounts.models import User


class UserCreation(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email",)
        field_classes = {"email": forms.EmailField}


class UserChange(UserChangeForm[User]):
    max_bytes = SizeField(label=_("Room for originals at most"))

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"email": forms.EmailField}
        help_texts = {
            "is_staff": _(
                "May enter the admin site. Sees nothing there until permissions are chosen below, "
                "unless they are a superuser."
            )
        }
