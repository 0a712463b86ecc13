"""Telling people by mail what one of their keys did to their webhooks."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from images.models import WebhookEndpoint

logger = logging.getLogger(__name__)


def tell_owner(*, endpoint: WebhookEndpoint, key_name: str) -> None:
    """A key that leaked can be revoked; what it leaves behind is to be noticed as well.

    Only where there is a mail server. A mail that cannot be sent stops nothing.
    """
    if not settings.HAS_MAIL_SERVER:
        return
    context = {"endpoint": endpoint, "key_name": key_name}
    try:
        send_mail(
            _("A program changed where your messages go"),
            render_to_string("web/email/webhook_by_key.txt", context),
            None,
            [endpoint.owner.email],
        )
    except OSError:  # of which those of smtplib are
        logger.exception("Could not tell the owner of webhook %s what a key did", endpoint.pk)
