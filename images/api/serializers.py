"""What requests carry."""

from typing import Any

from rest_framework import serializers

from images.api.parameters import ExtractionParameters


class UploadSerializer(ExtractionParameters):
    file = serializers.FileField(
        allow_empty_file=True, help_text="The picture; its content decides."
    )
    title = serializers.CharField(required=False, allow_blank=True, max_length=255)


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


class AccountSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()
    usage = UsageSerializer()
    limits = LimitsSerializer()
