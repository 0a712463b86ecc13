"""One OpenAPI document describes all interfaces."""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from images.compat import urls
from images.compat.removebg.errors import RemoveBgError
from tests.test_moving_docs import names_read


@pytest.fixture(scope="module")
def document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_valid(document: Any) -> None:
    validate_schema(document)


def test_every_address_is_there(document: Any) -> None:
    patterns = [re.compile(str(pattern.pattern)) for pattern in urls.urlpatterns]
    described = [path for path in document["paths"] if not path.startswith("/api/v1/")]
    for pattern in patterns:
        assert [path for path in described if pattern.match(path[1:])], pattern
    assert len(described) == len(patterns)


def test_parameters_of_remove_bg(document: Any) -> None:
    bodies = document["paths"]["/v1.0/removebg"]["post"]["requestBody"]["content"]
    for kind in ("multipart/form-data", "application/x-www-form-urlencoded", "application/json"):
        assert set(bodies[kind]["schema"]["properties"]) == names_read()


def test_the_shape_of_its_errors(document: Any) -> None:
    for code in ("auth_failed", "missing_source"):
        error = RemoveBgError(code)
        answers = document["paths"]["/v1.0/removebg"]["post"]["responses"]
        schema = answers[str(error.refusal.status)]["content"]["application/json"]["schema"]
        assert set(error.body) == set(schema["properties"])
        assert set(error.body["errors"][0]) <= set(
            schema["properties"]["errors"]["items"]["properties"]
        )


def test_either_key_is_enough(document: Any) -> None:
    """Two in one object would mean both."""
    for operations in document["paths"].values():
        for operation in operations.values():
            assert all(len(one) <= 1 for one in operation.get("security", []))


def test_every_operation_says_in_a_line_what_it_does(document: Any) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert 3 < len(operation.get("summary", "")) < 110, (method, path)
