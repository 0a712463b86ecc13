"""What requests carry."""

from typing import Any

from rest_framework import serializers

from images.api.parameters import ExtractionParameters
from images.models import Cutout
from images.services.feedback import MAX_REASON_LENGTH


class UploadSerializer(ExtractionParameters):
    file = serializers.FileField(
        allow_empty_file=True, help_text="The picture; its content decides."
    )
    title = serializers.CharField(required=False, allow_blank=True, max_length=255)


class FeedbackSerializer(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(choices=Cutout.Rating.choices)
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_REASON_LENGTH
    )


class EngineSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    licence = serializers.CharField()
    size_mb = serializers.FloatField()
    available = serializers.BooleanField()
    problem = serializers.CharField(allow_null=True, help_text="Why it is not available.")
    default = serializers.BooleanField()


class UsageSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    bytes = serializers.IntegerField()
    cutouts_this_month = serializers.IntegerField()


class LimitsSerializer(serializers.Serializer[Any]):
    max_upload_bytes = serializers.IntegerField()
    max_pixels = serializers.IntegerField()
    formats = serializers.ListField(child=serializers.CharField())
    images = serializers.IntegerField(allow_null=True, help_text="Pictures kept; null: no limit.")
    bytes = serializers.IntegerField(allow_null=True, help_text="Of originals; null: no limit.")
    cutouts_per_month = serializers.IntegerField(allow_null=True, help_text="null: no limit.")


class AccountSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()
    usage = UsageSerializer()
    limits = LimitsSerializer()


class LinkRequestSerializer(serializers.Serializer[Any]):
    expires_in = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=10 * 365 * 24 * 60 * 60,
        help_text="Seconds until the address ends; 0: never. Without it, what the server decides.",
    )


class LinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    spec = serializers.CharField(help_text="Parameters of the rendition, in canonical order.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class NewLinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.URLField(help_text="Shown now and never again.")
    expires_at = serializers.DateTimeField(allow_null=True)
