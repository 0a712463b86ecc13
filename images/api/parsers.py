"""Reading the bodies of requests."""

import io
import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# How half a character comes: as an escape that may lack the other half.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class ShallowJSONParser(JSONParser):
    """JSON; what is nested beyond all reason is malformed, like all that cannot be read.

    So is text with half a character, which can neither be stored nor said again in an answer.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = stream.read()
        try:
            value = super().parse(io.BytesIO(content), media_type, parser_context)
            if _SURROGATE.search(content):
                json.dumps(value, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError("The JSON holds text that is no Unicode.") from error
        return value
