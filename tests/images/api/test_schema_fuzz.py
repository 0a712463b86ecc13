"""Every route of the API with whatever its own description allows, and much that it does not.

schemathesis reads the OpenAPI document and makes requests up from it. Each is sent twice: as it is,
and with the identifiers of rows that exist in its address. No answer may be an error of the server,
and each must be one that the document announces: status, content type and body.

SCHEMA_EXAMPLES asks for more requests for each route than the few that every run has time for.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import ApiToken, User
from images.compat import views
from images.models import Batch, Cutout, Preset, Tag, WebhookDelivery, WebhookEndpoint
from images.services.backdrops import add_backdrop
from images.services.sharing import share
from processing.spec import RenderSpec
from tests.factories import picture_file

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES") or 8)


def server_is_well(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """503 is an answer, if it says when to come back."""
    assert response.status_code < 500 or "retry-after" in response.headers, response.text


CHECKS = [
    server_is_well,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
SCHEMA.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Requests share the transaction of the test, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other services' interfaces wait for the cutout, which no worker makes here."""
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.1)


@pytest.fixture
def key(owner: User) -> str:
    return ApiToken.objects.issue(user=owner, name="Fuzzer")[1]


@pytest.fixture
def rows(owner: User, cutout: Cutout) -> dict[str, Any]:
    """The identifier of a row by the part of an address that it follows."""
    link, _secret = share(cutout=cutout, spec=RenderSpec(), lifetime=None)
    webhook = WebhookEndpoint.objects.create(owner=owner, url="https://example.com/")
    found = {
        "images": cutout.image,
        "cutouts": cutout,
        "links": link,
        "tokens": ApiToken.objects.issue(user=owner, name="Another")[0],
        "tags": Tag.objects.create(owner=owner, name="shoes"),
        "batches": Batch.objects.create(owner=owner, name="Autumn"),
        "presets": Preset.objects.create(owner=owner, name="Shop", spec="format=webp"),
        "backdrops": add_backdrop(owner=owner, file=picture_file("wall.png"))[0],
        "webhooks": webhook,
        "deliveries": WebhookDelivery.objects.create(
            owner=owner, endpoint=webhook, event="cutout.done", payload="{}"
        ),
    }
    return {kind: row.pk for kind, row in found.items()}


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked(case: schemathesis.Case, key: str, rows: dict[str, Any]) -> None:
    for parameters in addresses(case, rows):
        case.path_parameters = parameters
        with transaction.atomic():
            case.call_and_validate(headers={"Authorization": f"Token {key}"}, checks=CHECKS)
            transaction.set_rollback(True)


def addresses(case: schemathesis.Case, rows: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As it came, and with rows that are there."""
    given = dict(case.path_parameters or {})
    yield given
    known = dict(re.findall(r"/(\w+)/\{(\w+)\}", case.path))
    if known:
        yield given | {name: str(rows[kind]) for kind, name in known.items()}
