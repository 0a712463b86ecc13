"""Forms of the pages about pictures and about the account."""

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from images.models import Image


class TitleForm(forms.ModelForm[Image]):
    class Meta:
        model = Image
        fields = ["title"]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """The user model is chosen in the settings, hence not named here."""

    class Meta:
        model = get_user_model()
        fields = ["name", "keep_api_results", "keep_improvements"]
        labels = {
            "name": _("Your name"),
            "keep_api_results": _("Keep pictures that programs send through compatible interfaces"),
            "keep_improvements": _(
                "Keep pictures that programs report as badly cut out, tagged “improve”; "
                "without this, nothing of such a report is kept"
            ),
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}
