"""What webhooks and their messages look like to programs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from images.api.nulls import NullIsLeftOut
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.services.webhook_events import SUBSCRIBABLE
from images.services.webhook_signing import message_id

MAX_EVENTS_SENT = 20  # the same one twice does no harm


class EventsField(serializers.ListField):
    child = serializers.ChoiceField([(event.value, event.label) for event in SUBSCRIBABLE])

    def to_internal_value(self, data: Any) -> list[str]:
        """Far too many are refused as a whole, and not one by one."""
        if isinstance(data, list) and len(data) > MAX_EVENTS_SENT:
            self.fail("max_length", max_length=MAX_EVENTS_SENT)
        return sorted(set(super().to_internal_value(data)))


class WebhookFieldsSerializer(NullIsLeftOut):
    url = serializers.CharField(
        max_length=2000, help_text="Where messages are sent: http or https, a public address."
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=200)
    events = EventsField(
        required=False,
        max_length=MAX_EVENTS_SENT,
        help_text="Which events; an empty list means all of them.",
    )


class WebhookChangeSerializer(WebhookFieldsSerializer):
    active = serializers.BooleanField(required=False, help_text="Switches it on or off.")


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField(), help_text="Empty: all of them.")
    active = serializers.SerializerMethodField()
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="The first failure after the last success."
    )
    disabled_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When it was switched off; by itself, if `failing_since` is set as well.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = [
            *("id", "url", "description", "events", "active"),
            *("failing_since", "disabled_at", "created_at"),
        ]
        read_only_fields = fields

    def get_active(self, endpoint: WebhookEndpoint) -> bool:
        return endpoint.disabled_at is None


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="Signs all messages; shown now and never again.")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="The new one; shown now and never again.")


class AttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="null: no answer came.")
    error = serializers.CharField(help_text="Empty for a success.")
    ms = serializers.IntegerField()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    webhook = serializers.UUIDField(source="endpoint_id")
    message_id = serializers.SerializerMethodField(help_text="As in the header `webhook-id`.")
    response_status = serializers.IntegerField(
        allow_null=True, help_text="Of the last answer; null if none came."
    )
    next_attempt_at = serializers.SerializerMethodField(help_text="null unless it is queued.")

    class Meta:
        model = WebhookDelivery
        fields = [
            *("id", "webhook", "message_id", "event", "status", "response_status"),
            *("error_code", "error_message", "created_at", "next_attempt_at", "finished_at"),
        ]
        read_only_fields = fields

    def get_message_id(self, delivery: WebhookDelivery) -> str:
        return message_id(delivery.pk)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        if delivery.status != Status.QUEUED:
            return None
        return serializers.DateTimeField().to_representation(delivery.not_before)


class DeliveryDetailSerializer(DeliverySerializer):
    attempts = AttemptSerializer(many=True, help_text="The last twenty, the newest last.")

    class Meta(DeliverySerializer.Meta):
        fields = [*DeliverySerializer.Meta.fields, "payload", "attempts"]
        read_only_fields = fields
