"""What an API token looks like outside."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.models import ApiToken


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    key = serializers.SerializerMethodField(
        help_text="The key itself, only in the answer that makes it."
    )

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "created_at", "last_used_at", "expires_at", "key"]
        read_only_fields = ["id", "prefix", "created_at", "last_used_at"]

    def get_key(self, token: ApiToken) -> str | None:
        return getattr(token, "new_key", None)

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(_("This time has passed."), code="in_the_past")
        return value

    def create(self, validated_data: dict[str, Any]) -> ApiToken:
        token, key = ApiToken.objects.issue(**validated_data)
        token.new_key = key  # type: ignore[attr-defined]
        return token
