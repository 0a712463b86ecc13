"""API tokens over the API."""

from typing import cast

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import mixins, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.serializers import BaseSerializer

from accounts.api.serializers import TokenSerializer
from accounts.models import ApiToken, User


class TokenViewSet(
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ApiToken],
):
    """Own API tokens. Only the answer that makes a token holds its key; DELETE revokes."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=cast("User", self.request.user), revoked_at=None)

    def perform_create(self, serializer: BaseSerializer[ApiToken]) -> None:
        """Only for people: a key that leaked must not leave others behind when it is revoked."""
        if isinstance(self.request.auth, ApiToken):
            raise PermissionDenied(_("A key cannot make keys. Sign in to make one."))
        if self._needs_proof():
            raise PermissionDenied(
                _("Sign in again, or make the key on its page: it is some time since you did."),
                code="proof_needed",
            )
        serializer.save(user=self.request.user)

    def _needs_proof(self) -> bool:
        """A key outlives a session that somebody else has got hold of."""
        is_session = isinstance(self.request.successful_authenticator, SessionAuthentication)
        return is_session and is_reauthentication_required(self.request._request, app="")

    def perform_destroy(self, instance: ApiToken) -> None:
        instance.revoke()
