"""Sizes as people write them: "500 MB", "1.5 GB"."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

UNITS = {"TB": 1024**4, "GB": 1024**3, "MB": 1024**2, "KB": 1024}
LARGEST = 2**63 - 1
_SIZE = re.compile(r"(\d{1,19}(?:[.,]\d{1,9})?)\s*(TB|GB|MB|KB|BYTES?|B)?", re.IGNORECASE)


def say_size(size: int) -> str:
    """Exactly, in the largest unit of which it is a whole number."""
    for unit, factor in UNITS.items():
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def read_size(text: str) -> int:
    """Whole bytes; what is left of a byte is dropped. Raises ValueError, also above 2^63 - 1."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    number, unit = Decimal(match[1].replace(",", ".")), (match[2] or "").upper()
    size = int(number * UNITS.get(unit, 1))
    if size > LARGEST:
        raise ValueError(text)
    return size


class SizeField(forms.CharField):
    """A number of bytes, or None for an empty field."""

    def __init__(self, *, required: bool = False, **options: Any) -> None:
        options.setdefault(
            "help_text", _("For example 500 MB or 2 GB; 1 GB is 1024 MB. Empty means no limit.")
        )
        super().__init__(required=required, **options)

    def prepare_value(self, value: Any) -> Any:
        return say_size(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return read_size(text)
        except ValueError as error:
            message = _("Write a size such as 500 MB or 2 GB.")
            raise ValidationError(message, code="invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True
