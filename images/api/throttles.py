"""Politeness limits per person or address; quotas are another matter."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView


class AnonymousThrottle(SimpleRateThrottle):
    """Per address, for those who are nobody."""

    scope = "anonymous"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if request.user.is_authenticated:
            return None
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class UserThrottle(SimpleRateThrottle):
    """Per person."""

    scope = "user"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if not request.user.is_authenticated:
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}


class UploadThrottle(UserThrottle):
    """For what makes the machine work. Reading is not counted here."""

    scope = "upload"

    def allow_request(self, request: Request, view: "APIView") -> bool:
        return request.method not in ("POST", "PUT") or super().allow_request(request, view)


class CompatThrottle(UserThrottle):
    """Shares its count with uploads; there, even GET makes the machine work."""

    scope = "upload"
