"""Small parts of pages."""

from typing import Any

from django import template
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from images.models import Cutout
from images.services.retrying import may_help
from images.services.usage import Used, usage_of
from images.web.undo import take_undo

register = template.Library()


@register.simple_tag
def icon(name: str, extra_class: str = "") -> SafeString:
    """A decorative icon of the sprite: the words beside it, or a label, say what it means."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        extra_class,
        static("img/icons.svg"),
        name,
    )


@register.inclusion_tag("web/_toasts.html", takes_context=True)
def toasts(context: dict[str, Any]) -> dict[str, Any]:
    """What happened on the page before, and the way back if there is one."""
    request: HttpRequest | None = context.get("request")
    if request is None or not hasattr(request, "session"):
        return {"messages": [], "undo": None}
    return {
        "messages": list(get_messages(request)),
        "undo": take_undo(request),
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def used_by(user: Any) -> Used:
    """{% used_by user as usage %}, for pages of accounts: pictures, and bytes of originals."""
    return usage_of(user)


@register.filter
def another_try_may_help(failure: Cutout) -> bool:
    return may_help(failure)


@register.filter
def seconds(milliseconds: int | None) -> str:
    """A duration for people: 0.8, 12."""
    if milliseconds is None:
        return ""
    value = milliseconds / 1000
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
