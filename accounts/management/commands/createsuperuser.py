"""Django's own command, which here also works before there are weights."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from accounts.models import User
from accounts.services.addresses import count_as_verified
from accounts.services.first_run import first_run_code


class Command(createsuperuser.Command):
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        before = set(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
        super().handle(*args, **options)
        for user in User.objects.filter(is_superuser=True).exclude(pk__in=before):
            count_as_verified(user=user)  # whoever runs this may do anything here anyway
        first_run_code()  # takes the code away
