"""How often, and what the answers tell about it."""

import math
from typing import TYPE_CHECKING

from rest_framework.request import Request

from images.api.throttles import UploadThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView


class RemoveBgThrottle(UploadThrottle):
    """Shares its count with uploads through the other interfaces."""

    history: list[float]
    now: float
    num_requests: int | None
    duration: int | None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.history, self.now = [], self.timer()
        return super().allow_request(request, view)

    def headers(self) -> dict[str, str]:
        """X-RateLimit-Limit, -Remaining and -Reset (seconds since 1970)."""
        if not self.num_requests or not self.duration:
            return {}
        oldest = self.history[-1] if self.history else self.now
        left = max(0, self.num_requests - len(self.history))
        return {
            "X-RateLimit-Limit": str(self.num_requests),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(math.ceil(oldest + self.duration)),
        }
