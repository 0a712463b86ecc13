"""What an administrator decides about this installation, and changes while it runs."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Signup(models.TextChoices):
    OPEN = "open", _("Anybody who reaches this address")
    INVITATION = "invitation", _("Only people who were invited")
    CLOSED = "closed", _("Nobody; administrators make the accounts")


class SiteSettings(models.Model):
    """The one row of decisions. `first_run_code` is empty once there is an administrator."""

    PK = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=PK, editable=False)
    signup = models.CharField(
        _("who may make an account"), max_length=10, choices=Signup, default=Signup.OPEN
    )
    terms = models.TextField(
        _("terms of use"),
        blank=True,
        help_text=_("In Markdown. Empty: there is no such page, and nobody is asked to agree."),
    )
    privacy = models.TextField(
        _("privacy notice"), blank=True, help_text=_("In Markdown. Empty: there is no such page.")
    )
    first_run_code = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("settings of this installation")
        verbose_name_plural = _("settings of this installation")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_site_settings")]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)
