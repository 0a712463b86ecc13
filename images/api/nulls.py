"""JSON's null in requests."""

from typing import Any

from rest_framework import serializers


class NullIsLeftOut(serializers.Serializer[Any]):
    """null for what is optional is as if it was not there: many programs write out all they have.

    Not where rows are changed: there, null means something, or is refused.
    """

    def get_fields(self) -> Any:
        found = super().get_fields()
        for field in found.values():
            field.allow_null = field.allow_null or not (field.required or self.partial)
        return found

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        if self.partial:
            return values
        return {name: value for name, value in values.items() if value is not None}
