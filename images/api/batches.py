"""/api/v1/batches/"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from images.api import bulk
from images.api.archives import ARCHIVE_ANSWER, ARCHIVE_PARAMETERS, send_archive
from images.api.idempotency import IDEMPOTENCY_KEY, idempotent
from images.api.negotiation import JsonOrBytes
from images.api.serializers import BatchFieldsSerializer, BatchSerializer, BulkResultSerializer
from images.api.throttles import AnonymousThrottle, UploadThrottle, UserThrottle
from images.models import Batch, Status
from images.models.batch import BatchQuerySet
from images.services.batches import (
    batch_states,
    change_batch,
    create_batch,
    delete_batch,
    images_of,
)
from images.services.bulk import retrying
from images.services.webhook_events import tell_changed_batch

if TYPE_CHECKING:
    from accounts.models import User


class BatchViewSet(viewsets.GenericViewSet[Batch]):
    """Own batches, newest first."""

    queryset = Batch.objects.none()
    serializer_class = BatchSerializer
    throttle_classes = [AnonymousThrottle, UserThrottle, UploadThrottle]
    content_negotiation_class = JsonOrBytes
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> BatchQuerySet:
        return Batch.objects.visible_to(cast("User", self.request.user))

    @extend_schema(responses=BatchSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(_described(page or []))

    @extend_schema(
        request=BatchFieldsSerializer,
        responses={201: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a batch; pictures are uploaded into it with `batch`."""
        fields = BatchFieldsSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        batch = create_batch(owner=cast("User", request.user), **fields.validated_data)
        headers = {"Location": self.reverse_action("detail", args=[batch.pk])}
        return Response(_described([batch])[0], status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(responses=BatchSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """How far it has come."""
        return Response(_described([self.get_object()])[0])

    @extend_schema(request=BatchFieldsSerializer, responses=BatchSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        batch = self.get_object()
        fields = BatchFieldsSerializer(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        change_batch(batch=batch, **fields.validated_data)
        if "expected" in fields.validated_data:
            tell_changed_batch(batch=batch)
        return Response(_described([batch])[0])

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a batch; its pictures stay."""
        delete_batch(batch=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=BulkResultSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Put all pictures that failed back into the queue."""
        failed = images_of(self.get_object()).in_status(Status.FAILED)
        owner = cast("User", request.user)
        return Response(bulk.run(owner=owner, images=failed, action=retrying()))

    @extend_schema(parameters=ARCHIVE_PARAMETERS, responses=ARCHIVE_ANSWER)
    @action(detail=True, methods=["get"])
    def archive(self, request: Request, pk: str) -> HttpResponseBase:
        """All finished pictures as one zip, under their original names."""
        batch = self.get_object()
        params = request.query_params.dict()
        return send_archive(request, images=images_of(batch), params=params, title=str(batch))


def _described(batches: Iterable[Batch]) -> list[dict[str, Any]]:
    """With their counts, in one query for all."""
    states = batch_states(batches := list(batches))
    rows = [
        {
            "id": batch.pk,
            "name": batch.name,
            "expected": batch.expected,
            "created_at": batch.created_at,
            "counts": asdict(states[batch.pk]),
            "finished": states[batch.pk].finished,
        }
        for batch in batches
    ]
    return list(BatchSerializer(rows, many=True).data)
