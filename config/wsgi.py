"""What gunicorn serves."""

import os
from collections.abc import Iterable
from email.message import Message
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

django_application = get_wsgi_application()


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    environ["CONTENT_TYPE"] = in_utf_8(environ.get("CONTENT_TYPE", ""))
    environ["PATH_INFO"] = below(settings.FORCE_SCRIPT_NAME, environ.get("PATH_INFO", ""))
    return django_application(environ, start_response)


def below(prefix: str, path: str) -> str:
    """The path without the prefix under which a proxy serves us, if the proxy has left it there."""
    if not prefix or not f"{path}/".startswith(f"{prefix}/"):
        return path
    return path[len(prefix) :] or "/"


def in_utf_8(content_type: str) -> str:
    """The content type without any other charset; without anything if it makes no sense.

    Django decodes query strings and forms with whatever codec the client names, be it hex or zip,
    and stumbles before any middleware runs. Everything that we read is UTF-8.
    """
    try:
        _, parameters = parse_header_parameters(content_type)
    except (LookupError, ValueError):
        return ""
    if parameters.get("charset", "utf-8").lower() == "utf-8":
        return content_type
    message = Message()
    message["Content-Type"] = content_type
    message.del_param("charset")
    return str(message["Content-Type"])
