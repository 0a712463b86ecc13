"""What the OpenAPI document says of other services' interfaces, whose views read forms by hand."""

from typing import Any

from images.compat.removebg.parameters import (
    BACKGROUNDS,
    CHANNELS,
    FORMATS,
    LEVELS,
    SHADOWS,
    SIZES,
    TYPES,
)

Described = dict[str, Any]

TEXT: Described = {"type": "string"}
NUMBER: Described = {"type": "integer"}
FILE: Described = {"type": "string", "format": "binary"}
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded", "application/json")
KEYS: list[Described] = [{"token": []}, {"apiKey": []}]
BOOL: Described = {"type": "string", "enum": ["true", "false"]}


def _one_of(*values: str, default: str) -> Described:
    return {"type": "string", "enum": list(values), "default": default}


def _about(described: Described, text: str) -> Described:
    return described | {"description": text}


REMOVE_BG_SOURCES: Described = {
    "image_file": _about(FILE, "The picture: this, or one of the next two."),
    "image_file_b64": _about(TEXT, "The picture as base64."),
    "image_url": _about(TEXT, "Where the picture is."),
}
REMOVE_BG: Described = REMOVE_BG_SOURCES | {
    "size": _one_of(*SIZES, default="preview"),
    "type": _one_of(*TYPES, default="auto"),
    "type_level": _about(_one_of(*LEVELS, default="1"), "Accepted, and changes nothing."),
    "format": _one_of(*FORMATS, default="auto"),
    "roi": _about(TEXT, "Left, top, right, bottom in `%` or `px`."),
    "crop": _about(BOOL, "Only the subject."),
    "crop_margin": _about(TEXT, "One, two or four of `10%` or `30px`."),
    "scale": _about(TEXT, "`original`, or `10%` to `100%`."),
    "position": _about(TEXT, "`original`, `center`, `X%` or `X% Y%`."),
    "channels": _one_of(*CHANNELS, default="rgba"),
    "add_shadow": _about(BOOL, "A shadow, as `shadow_type` says or as fits `type`."),
    "shadow_type": _one_of(*SHADOWS, "auto", default="none"),
    "shadow_opacity": _about(TEXT, "0 to 100."),
    "semitransparency": _about(BOOL, "Accepted, and changes nothing."),
    **dict.fromkeys(BACKGROUNDS, TEXT),
    "bg_image_file": _about(FILE, "A picture behind the subject."),
}
IMPROVE: Described = REMOVE_BG_SOURCES | {
    "image_filename": TEXT,
    "tag": _about(TEXT, "Words on the picture, with commas between them."),
}
SIMPLE: Described = {
    "image": _about(FILE, "The picture; `file` is another name for it."),
    "format": _about(TEXT, "Parameters of renditions may stand beside it; `jpeg` by default."),
}
REMBG: Described = {
    **dict.fromkeys(
        ("a", "af", "ab", "ae", "ppm", "dc", "extras"),
        TEXT | {"description": "Accepted, and changes nothing."},
    ),
    "model": _about(TEXT, "The name of an engine."),
    "om": _about(TEXT, "`true`: the matte alone."),
    "bgc": _about(TEXT, "A background: `r,g,b,a`, each 0 to 255."),
}


def _object(**properties: Described) -> Described:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(description: str, schema: Described) -> Described:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _files(*kinds: str) -> Described:
    return {"description": "The bytes.", "content": {kind: {"schema": FILE} for kind in kinds}}


_RESULT = _object(
    data=_object(
        result_b64=TEXT,
        **dict.fromkeys(
            ("foreground_top", "foreground_left", "foreground_width", "foreground_height"),
            NUMBER,
        ),
    )
)
_REMOVE_BG_ERROR = _object(
    errors={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"title": TEXT, "code": TEXT, "detail": TEXT},
            "required": ["title", "code"],
        },
    }
)
_ACCOUNT = _object(
    data=_object(
        attributes=_object(
            credits=_object(
                **dict.fromkeys(("total", "subscription", "payg", "enterprise"), NUMBER)
            ),
            api=_object(free_calls=NUMBER, sizes=TEXT),
        )
    )
)
_REMOVE_BG_ANSWER: Described = {
    "description": "The bytes; JSON if only `application/json` is accepted.",
    "content": _files("image/png", "image/jpeg", "image/webp", "application/zip")["content"]
    | _json("", _RESULT)["content"],
}


def _operation(
    name: str,
    summary: str,
    *,
    form: Described | None = None,
    kinds: tuple[str, ...] = ("multipart/form-data",),
    query: Described | None = None,
    answers: Described,
    error: Described,
    statuses: str,
) -> Described:
    wrong = {status: _json("What is wrong.", error) for status in statuses.split()}
    described: Described = {
        "operationId": name,
        "summary": summary,
        "tags": ["compatible"],
        "security": KEYS,
        "responses": answers | wrong,
    }
    if form is not None:
        schema = {"type": "object", "properties": form}
        content = {kind: {"schema": schema} for kind in kinds}
        described["requestBody"] = {"required": True, "content": content}
    if query is not None:
        described["parameters"] = [
            {
                "in": "query",
                "name": name,
                "required": name == "url",
                "schema": {"type": "string"},
                "description": schema["description"],
            }
            for name, schema in query.items()
        ]
    return described


def _of_remove_bg(name: str, summary: str, **described: Any) -> Described:
    statuses = "400 402 403 413 415 429 500 503" if "form" in described else "403 429 500"
    return _operation(
        name, summary, error=_REMOVE_BG_ERROR, statuses=statuses, kinds=FORMS, **described
    )


def _plain(name: str, summary: str, key: str, **described: Any) -> Described:
    statuses = "400 401 402 404 409 413 415 422 429 500 503"
    return _operation(name, summary, error=_object(**{key: TEXT}), statuses=statuses, **described)


PATHS: Described = {
    "/v1.0/removebg": {
        "post": _of_remove_bg(
            "removebg",
            "As remove.bg does it: a picture in, its subject out",
            form=REMOVE_BG,
            answers={"200": _REMOVE_BG_ANSWER},
        )
    },
    "/v1.0/improve": {
        "post": _of_remove_bg(
            "removebg_improve",
            "Report a picture that was badly cut out",
            form=IMPROVE,
            answers={"200": _json("Its identifier.", _object(id=TEXT))},
        )
    },
    "/v1.0/account": {
        "get": _of_remove_bg(
            "removebg_account",
            "What is left this month",
            answers={"200": _json("As remove.bg says it.", _ACCOUNT)},
        )
    },
    "/api/remove": {
        "get": _plain(
            "rembg_get",
            "As rembg's server does it, with a picture by its address",
            "detail",
            query={"url": _about(TEXT, "Where the picture is.")} | REMBG,
            answers={"200": _files("image/png")},
        ),
        "post": _plain(
            "rembg_post",
            "As rembg's server does it, with a file",
            "detail",
            form={"file": _about(FILE, "The picture.")} | REMBG,
            answers={"200": _files("image/png")},
        ),
    },
    "/remove-bg": {
        "post": _plain(
            "simple",
            "A picture in, the public address of its subject on white out",
            "error",
            form=SIMPLE,
            answers={"200": _json("The address.", _object(url=TEXT))},
        )
    },
}


def describe(result: Described, **_context: Any) -> Described:
    """A hook of drf-spectacular: adds these interfaces to the document."""
    result["paths"] |= PATHS
    return result
