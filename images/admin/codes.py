"""What the codes of failures mean, in few words."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MEANINGS = {
    "cancelled": _("cancelled by an administrator"),
    "deadline_exceeded": _("took too long"),
    "empty_file": _("the file is empty"),
    "engine_unavailable": _("the engine cannot be used"),
    "file_too_large": _("the file is too large"),
    "internal_error": _("something unforeseen; the log says what"),
    "invalid_spec": _("a parameter has a wrong value"),
    "not_an_image": _("no picture, or damaged"),
    "nothing_found": _("no subject was found"),
    "processing_error": _("the picture could not be worked on"),
    "service_busy": _("the service asked to wait for too long"),
    "service_failed": _("the service did not answer as it should"),
    "service_key_refused": _("the service does not accept our key"),
    "service_quota": _("our account at the service is used up"),
    "service_refused": _("the service refused the picture"),
    "too_many_attempts": _("its worker ended again and again"),
    "too_many_pixels": _("too many pixels"),
    "truncated_image": _("damaged or incomplete"),
    "unknown_engine": _("there is no such engine"),
    "unsupported_format": _("a kind of file that cannot be read"),
}


def meaning_of(code: str) -> str | Promise:
    """The code itself where nothing else is known of it."""
    known: dict[str, Any] = MEANINGS
    return known.get(code, code)
