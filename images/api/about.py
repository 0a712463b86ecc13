"""/api/v1/engines/ and /api/v1/account/"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from images.api.serializers import AccountSerializer, EngineSerializer
from images.services.engines import problem_of
from images.services.usage import limits_of, usage_of
from processing.engines.catalog import ENGINES, EngineInfo, is_listed
from processing.sniff import FORMATS

if TYPE_CHECKING:
    from accounts.models import User


def _describe(info: EngineInfo) -> dict[str, Any]:
    problem = problem_of(info)
    return {
        "name": info.name,
        "label": info.label,
        "help": info.help,
        "licence": info.licence,
        "size_mb": info.size_mb,
        "speed": info.speed,
        "good_at": info.good_at,
        "commercial_use": info.commercial_use,
        "on_demand": info.on_demand,
        "sends_away": info.sends_away,
        "available": problem is None,
        "problem": problem,
        "default": info.name == settings.DEFAULT_ENGINE,
    }


class EngineList(APIView):
    @extend_schema(responses=EngineSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What can remove backgrounds here."""
        return Response([_describe(info) for info in ENGINES.values() if is_listed(info)])


class Account(APIView):
    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request) -> Response:
        """Who this key belongs to, what is used, and what is allowed."""
        user = cast("User", request.user)
        limits = {
            "max_upload_bytes": settings.MAX_UPLOAD_BYTES,
            "max_pixels": settings.MAX_PIXELS,
            "formats": list(FORMATS),
            **asdict(limits_of(user)),
        }
        usage = asdict(usage_of(user))
        return Response({"email": user.email, "name": user.name, "usage": usage, "limits": limits})
