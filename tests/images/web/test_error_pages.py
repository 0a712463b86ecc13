"""Error pages have to work when little else does."""

import pytest
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import reverse

from config.urls import handler500

PAGES = ["400", "403", "403_csrf", "404", "429", "500"]


@pytest.mark.parametrize("name", PAGES)
def test_stands_on_its_own(name: str) -> None:
    """No context, no request, and (since this test may not use one) no database."""
    page = get_template(f"{name}.html").render()
    assert f'aria-hidden="true">{name[:3]}</p>' in page
    title = page.partition("<h1>")[2].partition("</h1>")[0]
    assert title
    assert f"<title>{title} · Clearcut</title>" in page
    text = page.partition("</h1>")[2].partition("<p>")[2].partition("</p>")[0]
    assert len(text) > 40
    assert '<a class="wordmark" href="/">' in page


def test_every_page_has_words_of_its_own() -> None:
    assert len({get_template(f"{name}.html").render() for name in PAGES}) == len(PAGES)


def test_server_error_needs_no_database() -> None:
    response = handler500(RequestFactory().get("/workspace/"))
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()


def test_a_form_without_its_token(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"))
    assert response.status_code == 403
    assert "The page was open for too long" in response.content.decode()
