"""What the first page of the admin site is made of."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from images.admin.dashboard import dashboard_for

register = template.Library()


@register.simple_tag(takes_context=True)
def dashboard(context: dict[str, Any]) -> dict[str, Any]:
    """The panels that whoever asks may see."""
    return dashboard_for(context["request"].user)


@register.filter
def age(moment: datetime | None) -> timedelta | None:
    return timezone.now() - moment if moment else None


@register.filter
def span(duration: timedelta | None) -> str:
    """A duration for people, in the one unit that says enough: 12 s, 5 min, 3 h, 2 d."""
    if duration is None:
        return ""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 120:
        return _("%(count)d s") % {"count": seconds}
    if seconds < 7200:
        return _("%(count)d min") % {"count": seconds // 60}
    if seconds < 172_800:
        return _("%(count)d h") % {"count": seconds // 3600}
    return _("%(count)d d") % {"count": seconds // 86_400}
