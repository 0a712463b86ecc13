"""What tests of accounts share."""

from typing import Any

import pytest
from pytest_django import Settings

from config.settings import base


@pytest.fixture
def limits(settings: Settings) -> None:
    """The limits on attempts as people have them; other tests would run into them."""
    settings.ACCOUNT_RATE_LIMITS = base.ACCOUNT_RATE_LIMITS


@pytest.fixture
def mail_server(settings: Settings) -> Any:
    """As with EMAIL_URL=smtp://…; mails go to `mail.outbox`."""
    settings.HAS_MAIL_SERVER = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
