"""What the OpenAPI document says of errors: one shape, under every status that can come."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from rest_framework import serializers

ALWAYS = {"400", "401", "403", "404", "406", "429", "500", "503"}
USUALLY = {
    "list": "List what is yours",
    "get": "List what is yours",
    "retrieve": "Read one",
    "create": "Make one",
    "partial_update": "Change one",
    "destroy": "Delete one",
}
OF_CHANGES = {"402", "409", "413", "415", "422"}


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="What programs go by; docs/api.md lists them.")
    detail = serializers.CharField(help_text="A sentence for people.")
    attr = serializers.CharField(allow_null=True, help_text="The parameter that is wrong.")


class ErrorsSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]


class Schema(AutoSchema):
    """Codes of errors are no part of it: services raise many, and new ones may come."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction=direction)
        if direction != "response":
            return bodies
        for status in sorted(self._statuses() - set(bodies)):
            bodies[status] = self._get_response_for_code(
                ErrorsSerializer, status, media_types=["application/json"]
            )
        return bodies

    def get_summary(self) -> str | None:
        """What its method says first, or what such methods do."""
        name = getattr(self.view, "action", None) or self.method.lower()
        said = get_doc(getattr(self.view, name, None)) or USUALLY.get(name, "")
        return re.split(r"[.;:](?:\s|$)", said, maxsplit=1)[0].replace("\n", " ") or None

    def _statuses(self) -> set[str]:
        if self.method != "GET":
            return ALWAYS | OF_CHANGES
        return ALWAYS | {"409"} if "{" in self.path else ALWAYS
