"""Print the link that makes the first administrator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.first_run import first_run_link


class Command(BaseCommand):
    requires_system_checks = ()  # of use also while weights are missing
    requires_migrations_checks = True
    help = "Prints the link to make the first administrator, as long as there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        link = first_run_link()
        if link is None:
            raise CommandError("There is an administrator already. They sign in at /admin/.")
        self.stdout.write(link)
