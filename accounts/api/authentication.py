"""Signing in to the API with a token."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User

SCHEMES = {"token", "bearer"}


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Token KEY`, `Authorization: Bearer KEY`, or `X-Api-Key: KEY`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        key = self.key_of(request)
        if key is None:
            return None
        token = ApiToken.objects.find(key)
        if token is None:
            raise AuthenticationFailed(_("This API token is unknown, revoked or expired."))
        token.touch()
        token.user.touch()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"

    @staticmethod
    def key_of(request: Request) -> str | None:
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() in SCHEMES:
            return key.strip()
        return request.headers.get("X-Api-Key")


class ApiTokenScheme(OpenApiAuthenticationExtension):
    target_class = ApiTokenAuthentication
    name = ["token", "apiKey"]

    def get_security_requirement(self, auto_schema: object) -> list[dict[str, list[str]]]:
        """Either of them: together in one object they would mean both."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Token KEY` or `Bearer KEY`",
            },
            {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        ]
