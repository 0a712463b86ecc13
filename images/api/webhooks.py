"""/api/v1/webhooks/ and /api/v1/deliveries/"""

from typing import TYPE_CHECKING, Any, cast

import django_filters as filters
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, mixins, serializers, status, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.models.webhook import WebhookDeliveryQuerySet, WebhookEndpointQuerySet
from images.services.imports import AddressRefused
from images.services.webhook_events import SUBSCRIBABLE, send_test
from images.services.webhook_notices import tell_owner
from images.services.webhook_signing import message_id
from images.services.webhooks import (
    delete_endpoint,
    make_endpoint,
    resend,
    rotate_secret,
    update_endpoint,
)

if TYPE_CHECKING:
    from accounts.models import User

MAX_EVENTS_SENT = 20  # the same one twice does no harm
THROTTLES = [AnonymousThrottle, UserThrottle, UploadThrottle]


class EventsField(serializers.ListField):
    child = serializers.ChoiceField([(event.value, event.label) for event in SUBSCRIBABLE])

    def to_internal_value(self, data: Any) -> list[str]:
        """Far too many are refused as a whole, and not one by one."""
        if isinstance(data, list) and len(data) > MAX_EVENTS_SENT:
            self.fail("max_length", max_length=MAX_EVENTS_SENT)
        return sorted(set(super().to_internal_value(data)))


class WebhookFieldsSerializer(serializers.Serializer[Any]):
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


class WebhookViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[WebhookEndpoint],
):
    """Own addresses that are told of what happens, newest first."""

    queryset = WebhookEndpoint.objects.none()
    serializer_class = WebhookSerializer
    throttle_classes = THROTTLES

    def get_queryset(self) -> WebhookEndpointQuerySet:
        endpoints = WebhookEndpoint.objects.visible_to(cast("User", self.request.user))
        return endpoints.select_related("owner")

    @extend_schema(request=WebhookFieldsSerializer, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Have an address told. The answer holds the secret that signs its messages, this once."""
        fields = WebhookFieldsSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        _ask_for_proof(request)
        site = request.build_absolute_uri("/").rstrip("/")
        owner = cast("User", request.user)
        try:
            endpoint, secret = make_endpoint(owner=owner, site=site, **fields.validated_data)
        except AddressRefused as refusal:
            raise _wrong_url(refusal) from refusal
        self._mention_key(endpoint)
        headers = {"Location": self.reverse_action("detail", args=[endpoint.pk])}
        data = self.get_serializer(endpoint).data | {"secret": secret}
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=WebhookChangeSerializer, responses=WebhookSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change it, or switch it off or on; what waits is given up when it is switched off."""
        endpoint = self.get_object()
        fields = WebhookChangeSerializer(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        url = endpoint.url
        if fields.validated_data.get("url", url) != url:
            _ask_for_proof(request)
        try:
            update_endpoint(endpoint=endpoint, **fields.validated_data)
        except AddressRefused as refusal:
            raise _wrong_url(refusal) from refusal
        if endpoint.url != url:
            self._mention_key(endpoint)
        return Response(self.get_serializer(endpoint).data)

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Make a new secret. Everything sent from now on is signed with it."""
        endpoint = self.get_object()
        _ask_for_proof(request)
        secret = rotate_secret(endpoint=endpoint)
        self._mention_key(endpoint)
        return Response({"secret": secret})

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send the event `webhook.test`, about the newest finished picture if there is one."""
        delivery = send_test(endpoint=self.get_object())
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    def perform_destroy(self, instance: WebhookEndpoint) -> None:
        delete_endpoint(endpoint=instance)

    def _mention_key(self, endpoint: WebhookEndpoint) -> None:
        if self.request.auth is not None:
            tell_owner(endpoint=endpoint, key_name=str(getattr(self.request.auth, "name", "")))


class DeliveryFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Status.choices)

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []


class WebhookDeliveryList(generics.ListAPIView[WebhookDelivery]):
    """What one webhook was told, newest first; kept for 30 days."""

    queryset = WebhookDelivery.objects.none()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter

    def get_queryset(self) -> WebhookDeliveryQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        endpoints = WebhookEndpoint.objects.visible_to(cast("User", self.request.user))
        endpoint = get_object_or_404(endpoints, pk=self.kwargs["webhook_id"])
        return WebhookDelivery.objects.filter(endpoint=endpoint).defer("payload", "attempts")


class DeliveryViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[WebhookDelivery]):
    """Messages to own webhooks."""

    queryset = WebhookDelivery.objects.none()
    serializer_class = DeliveryDetailSerializer
    throttle_classes = THROTTLES

    def get_queryset(self) -> WebhookDeliveryQuerySet:
        visible = WebhookDelivery.objects.visible_to(cast("User", self.request.user))
        return visible.select_related("endpoint")

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """Send it once more, under the same identifier."""
        delivery = self.get_object()
        resend(delivery=delivery)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


def _ask_for_proof(request: Request) -> None:
    """A webhook outlives a session that somebody else has got hold of. Keys are told of by mail."""
    is_session = isinstance(request.successful_authenticator, SessionAuthentication)
    if is_session and is_reauthentication_required(request._request, app=""):
        raise PermissionDenied(
            _("Sign in again, or do it on the page of webhooks: it is some time since you did."),
            code="proof_needed",
        )


def _wrong_url(refusal: AddressRefused) -> serializers.ValidationError:
    return serializers.ValidationError({"url": [refusal.message]}, code=refusal.code)
