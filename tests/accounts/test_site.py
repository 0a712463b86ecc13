"""Who may make an account, and the pages that the administrator writes."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.markdown import render_markdown
from accounts.models import SiteSettings, User
from accounts.services.site import current_site

pytestmark = pytest.mark.django_db

SIGN_UP = "/accounts/signup/"
PASSWORD = "a calm green harbour 17"
FORM = {"email": "new@example.com", "password1": PASSWORD}


def decide(**values: str) -> SiteSettings:
    row, _made = SiteSettings.objects.get_or_create(pk=SiteSettings.PK)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


class TestWhoMaySignUp:
    def test_anybody_unless_it_is_decided(self, client: Client) -> None:
        assert "Create an account" in client.get("/").content.decode()
        assert client.post(SIGN_UP, FORM).status_code == 302
        assert User.objects.exists()

    @pytest.mark.parametrize(
        ("mode", "words"),
        [("invitation", "by invitation"), ("closed", "made by the administrator")],
    )
    @pytest.mark.parametrize("path", ["/", "/accounts/login/", SIGN_UP])
    def test_pages_say_it(self, client: Client, mode: str, words: str, path: str) -> None:
        decide(signup=mode)
        page = client.get(path).content.decode()
        assert words in page
        assert f'href="{SIGN_UP}' not in page

    @pytest.mark.parametrize("mode", ["invitation", "closed"])
    def test_nobody_gets_in_all_the_same(self, client: Client, mode: str) -> None:
        decide(signup=mode)
        client.post(SIGN_UP, FORM)
        assert not User.objects.exists()

    def test_the_environment_wins(self, client: Client, settings: Settings) -> None:
        decide(signup="open")
        settings.SIGNUP = "closed"
        client.post(SIGN_UP, FORM)
        assert not User.objects.exists()
        decide(signup="closed")
        settings.SIGNUP = "open"
        client.post(SIGN_UP, FORM)
        assert User.objects.exists()

    def test_a_word_that_makes_no_sense(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", "import config.settings.base"],
            cwd=django_settings.BASE_DIR,
            env={**os.environ, "SIGNUP": "sometimes"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "SIGNUP is 'sometimes'; it can be open, invitation or closed." in done.stderr

    def test_one_query_at_most(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            client.get("/")
        with django_assert_num_queries(1):
            current_site()


class TestTerms:
    def test_are_agreed_to(self, client: Client) -> None:
        decide(terms="Be kind.")
        page = client.get(SIGN_UP).content.decode()
        assert 'href="/terms/"' in page
        answer = client.post(SIGN_UP, FORM)
        assert list(answer.context["form"].errors) == ["agree"]
        assert "needs your agreement" in answer.content.decode()
        assert not User.objects.exists()
        assert client.post(SIGN_UP, FORM | {"agree": "on"}).status_code == 302
        assert User.objects.exists()

    def test_nobody_is_asked_without_them(self, client: Client) -> None:
        assert "agree" not in client.get(SIGN_UP).context["form"].fields


class TestPages:
    @pytest.mark.parametrize("name", ["terms", "privacy"])
    def test_exist_when_there_is_text(self, client: Client, name: str) -> None:
        path = f"/{name}/"
        assert client.get(path).status_code == 404
        assert f'href="{path}"' not in client.get("/").content.decode()
        decide(**{name: "# Hello\n\nBe *kind*."})
        page = client.get(path).content.decode()
        assert "<h2>Hello</h2>" in page
        assert "<em>kind</em>" in page
        assert f'href="{path}"' in client.get("/").content.decode()
        decide(**{name: " \n"})
        assert client.get(path).status_code == 404
        assert f'href="{path}"' not in client.get("/").content.decode()

    def test_footers_cost_nothing_usually(
        self,
        client: Client,
        owner_client: Client,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        decide(terms="x")
        client.get("/accounts/password/reset/")
        with django_assert_num_queries(0):
            client.get("/accounts/password/reset/")


class TestMarkdown:
    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "[x](java\nscript:alert(1))",
            "[x](data:text/html;base64,AAAA)",
            "[x](vbscript:x)",
            "[x](//elsewhere.example)",
            "[x](<\x01javascript:alert(1)>)",
            "<javascript:alert(1)>",
            "![x](https://elsewhere.example/pixel.png)",
            '[x](https://a.example "\\" onclick=\\"alert(1)")',
            "[x]: javascript:alert(1)\n\n[x]",
        ],
    )
    def test_does_no_harm(self, text: str) -> None:
        html = render_markdown(text)
        for bad in ("<script", "<img", 'href="java', 'href="data', 'href="vb', 'href="//', "\x01"):
            assert bad not in html.lower()
        assert ' onclick="' not in html

    def test_links(self) -> None:
        for target in (
            "https://a.example/",
            "http://a.example/",
            "mailto:a@b.example",
            "/privacy/",
        ):
            html = render_markdown(f"[here]({target})")
            assert f'<a href="{target}" rel="noopener noreferrer">here</a>' in html

    @pytest.mark.parametrize(
        ("text", "tags"),
        [
            ("# a\n## b\n# c", ["h2", "h3", "h2"]),
            ("### a\n###### b", ["h2", "h3"]),
            ("a\n=\n\nb\n-", ["h2", "h3"]),
        ],
    )
    def test_headings_follow_the_one_of_the_page(self, text: str, tags: list[str]) -> None:
        html = render_markdown(text)
        found = [part[:2] for part in html.split("<")[1:] if part[0] == "h"]
        assert found == tags

    def test_tables_and_lists(self) -> None:
        assert "<td>1</td>" in render_markdown("| a |\n|---|\n| 1 |")
        assert "<li>a</li>" in render_markdown("- a")
