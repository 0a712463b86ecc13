"""/api/v1/webhooks/ and /api/v1/deliveries/"""

from typing import TYPE_CHECKING, cast

import django_filters as filters
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, serializers, status, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.api.webhook_serializers import (
    DeliveryDetailSerializer,
    DeliverySerializer,
    NewWebhookSerializer,
    SecretSerializer,
    WebhookChangeSerializer,
    WebhookFieldsSerializer,
    WebhookSerializer,
)
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.models.webhook import WebhookDeliveryQuerySet, WebhookEndpointQuerySet
from images.services.imports import AddressRefused
from images.services.webhook_events import send_test
from images.services.webhook_notices import tell_owner
from images.services.webhooks import (
    delete_endpoint,
    make_endpoint,
    resend,
    rotate_secret,
    update_endpoint,
)

if TYPE_CHECKING:
    from accounts.models import User

THROTTLES = [AnonymousThrottle, UserThrottle, UploadThrottle]


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
