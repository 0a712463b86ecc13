"""What the administrator has decided about this installation."""

from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from accounts.models import Signup, SiteSettings

PAGES_KEY = "site-pages"
PAGES_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Site:
    """What counts: the environment where it says something, else the row, else the defaults."""

    signup: Signup
    terms: str
    privacy: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Which of the pages exist that every footer links to."""

    terms: bool
    privacy: bool


def current_site() -> Site:
    """One query."""
    row = SiteSettings.objects.filter(pk=SiteSettings.PK).first() or SiteSettings()
    return Site(signup=Signup(settings.SIGNUP or row.signup), terms=row.terms, privacy=row.privacy)


def site_of(request: HttpRequest) -> Site:
    """As `current_site`, read once for each request however often it is asked for."""
    kept = vars(request)
    if "_site" not in kept:
        kept["_site"] = current_site()
    site: Site = kept["_site"]
    return site


def current_pages() -> Pages:
    """Usually without a query: remembered for a minute, and until SiteSettings are saved."""
    found: tuple[bool, bool] | None = cache.get(PAGES_KEY)
    if found is not None:
        return Pages(*found)
    site = current_site()
    return remember_pages(Pages(bool(site.terms.strip()), bool(site.privacy.strip())))


def remember_pages(pages: Pages) -> Pages:
    cache.set(PAGES_KEY, (pages.terms, pages.privacy), PAGES_SECONDS)
    return pages


def forget_pages() -> None:
    cache.delete(PAGES_KEY)
