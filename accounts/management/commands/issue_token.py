"""Make an API token from the command line."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.models import ApiToken, User


class Command(BaseCommand):
    requires_system_checks = ()  # of use also while weights are missing
    help = "Makes an API token for EMAIL (and the account, if missing) and prints the key alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="Command line", help="what the token is for")

    def handle(self, *args: Any, email: str, name: str, **options: Any) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} is not an e-mail address.") from error
        user = User.objects.filter(email__iexact=email).first() or self.make_user(email)
        if not user.is_active:
            raise CommandError(f"The account {user.email} is switched off.")
        _token, key = ApiToken.objects.issue(user=user, name=name[:100])
        self.stdout.write(key)

    def make_user(self, email: str) -> User:
        """An account without a password: its owner sets one through "Forgot your password?"."""
        self.stderr.write(f"Made the account {email}.")
        return User.objects.create_user(email)
