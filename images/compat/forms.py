"""Reading forms as other services take them: multipart, urlencoded or JSON, with large text fields.

Django keeps all text of a form in memory within one small limit; here a picture may come as text.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, cast

from django.core.files.base import File
from django.http import HttpRequest
from multipart import MultipartError, MultipartPart, ParserLimitReached, parse_form_data

MEGABYTE = 1024 * 1024
IN_MEMORY = MEGABYTE
MAX_PARTS = 64
# A file of the largest size as base64, escaped for an address, and the rest.
TEXT_PER_BYTE = 1.5


def as_file(content: IO[bytes], name: str) -> "File[bytes]":
    """What services take; it is closed with `content`."""
    file: File[bytes] = File(content, name=name)
    content.seek(0, io.SEEK_END)
    file.size = content.tell()
    content.seek(0)
    return file


class MalformedForm(Exception):
    """The body cannot be read as what it says it is. Its text is a sentence about that."""


class FormTooLarge(Exception):
    """The body holds more than any request may."""


class UnknownForm(Exception):
    """The body is of no type that forms have."""


@dataclass(slots=True)
class Form:
    """fields: text by name, the last of each. files: open files by name, of which the last counts;
    empty files are left out. names: what the client calls them. empty: names of those left out,
    but for fields of pages in which nobody chose a file. Closing the form closes them.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, IO[bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)

    def close(self) -> None:
        for file in self.files.values():
            file.close()


@contextmanager
def sent_form(request: HttpRequest, *, max_file_bytes: int) -> Iterator[Form]:
    """The form of a request, closed at the end.

    Raises MalformedForm, FormTooLarge or UnknownForm.
    """
    form = _read(request, max_file_bytes)
    try:
        yield form
    finally:
        form.close()


def _read(request: HttpRequest, max_file_bytes: int) -> Form:
    kind = (request.content_type or "").lower()
    if kind == "application/json":
        return _read_json(request, round(max_file_bytes * TEXT_PER_BYTE))
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        if _length(request) == 0:
            return Form()
        raise UnknownForm
    return _read_fields(request, max_file_bytes)


def _length(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _read_json(request: HttpRequest, limit: int) -> Form:
    body = request.read(limit + 1)
    if len(body) > limit:
        raise FormTooLarge
    # What is flat has few of these; a list of a million lists takes gigabytes to read.
    if body.count(b"{") + body.count(b"[") > MAX_PARTS or body.count(b",") > 8 * MAX_PARTS:
        raise MalformedForm("The JSON holds more values than any request has.")
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise MalformedForm("The body is not JSON.") from error
    if not isinstance(values, dict):
        raise MalformedForm("The JSON is not an object.")
    return Form(dict(_flattened(values)))


def _flattened(values: dict[str, Any]) -> list[tuple[str, str]]:
    """{"a": {"b": 1}} is written a[b]=1 in forms."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += [(f"{name}[{key}]", _text(inner)) for key, inner in value.items()]
        else:
            found.append((name, _text(value)))
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedForm("The JSON holds lists or objects where text or numbers belong.")


def _read_fields(request: HttpRequest, max_file_bytes: int) -> Form:
    largest = round(max_file_bytes * TEXT_PER_BYTE)
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": request.META.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(_length(request)),
        "wsgi.input": request,
    }
    try:
        fields, parts = parse_form_data(
            environ,
            strict=True,
            part_limit=MAX_PARTS,
            partsize_limit=largest,
            spool_limit=IN_MEMORY,
            memory_limit=largest,
            disk_limit=3 * largest,
        )
    except ParserLimitReached as error:
        raise FormTooLarge from error
    except (MultipartError, ValueError, LookupError) as error:
        raise MalformedForm("The body is not the form that its type says.") from error
    form = Form({name: fields[name] for name in fields})
    for name in parts:
        _add(form, name, parts[name])
    return form


def _add(form: Form, name: str, part: MultipartPart) -> None:
    """Text too large for memory comes as a file without a name."""
    if part.filename is None:
        form.fields[name] = part.file.read().decode(errors="replace")
        part.close()
    elif part.size:
        form.files[name] = cast("IO[bytes]", part.file)
        form.names[name] = part.filename
    else:
        if part.filename:
            form.empty.add(name)
        part.close()
