"""Errors of /api/ that no view raises, in the shape of those that views do."""

from django.http import JsonResponse


def api_error(status: int, code: str, detail: str) -> JsonResponse:
    kind = "server_error" if status >= 500 else "client_error"
    error = {"code": code, "detail": detail, "attr": None}
    return JsonResponse({"type": kind, "errors": [error]}, status=status)
