"""What pages need to know of the administrator's decisions."""

from typing import Any

from django import template
from django.http import HttpRequest

from accounts.services.site import Pages, Site, current_pages, current_site, site_of

register = template.Library()


@register.simple_tag(takes_context=True)
def site(context: dict[str, Any]) -> Site:
    """{% site as site %}: `site.signup` is open, invitation or closed."""
    request: HttpRequest | None = context.get("request")
    return site_of(request) if request else current_site()


@register.simple_tag
def site_pages() -> Pages:
    """{% site_pages as pages %}: whether there are terms of use and a privacy notice."""
    return current_pages()
