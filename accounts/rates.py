"""How often one address may try what is worth guessing."""

from allauth.core.internal import ratelimit
from django.http import HttpRequest


def may_try(request: HttpRequest, action: str) -> bool:
    """Count one attempt, of whatever method, against ACCOUNT_RATE_LIMITS."""
    usage = ratelimit.consume(request, app="allauth.account", action=action, limit_get=True)
    return usage is not None
