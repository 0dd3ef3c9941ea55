"""Make the OpenAPI 3.1 document of the server from the tables of parameters and of answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pix2style.serve.answers import ANSWERS, Code
from pix2style.serve.body import FIELD
from pix2style.serve.parameters import PARAMETERS
from pix2style.version import __version__

_Json = dict[str, Any]
IN_TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "application/octet-stream")
OUT_TYPES = (*IN_TYPES[:-1], "image/avif", "image/bmp", "image/x-portable-pixmap")
SERVER_TIMING, NOTES = "Server-Timing", "Pix2style-Notes"
# Error answers of every address but those for health and readiness, and further ones of POST /v1/stylize.
_OF_EVERY: tuple[Code, ...] = ("token", "foreign")
_NOT_OF_STYLIZE = (*_OF_EVERY, "no-such-address", "method", "server-error")
_OF_STYLIZE: tuple[Code, ...] = tuple(code for code in ANSWERS if code not in _NOT_OF_STYLIZE)


def openapi_document(filters: Sequence[str], *, needs_token: bool) -> _Json:
    """Return the OpenAPI document.

    Args:
        filters: Names of the filters that are served; the first one is the default.
        needs_token: Whether requests have to send a token.
    """
    document: _Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "pix2style",
            "version": __version__,
            "summary": "Stylize photos with the filters of this server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(filters),
        "components": {"schemas": {"Error": _error_schema(), "Filter": _filter_schema()}},
    }
    if needs_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _paths(filters: Sequence[str]) -> _Json:
    alive, document = {"200": _text("The server is alive.")}, {"200": _json({"type": "object"})}
    metrics = {"200": _text("Metrics in the text format of Prometheus.")}
    ready = {"200": _text("The server can stylize photos."), **_errors(("not-ready", "stopping"))}
    return {
        "/v1/stylize": {"post": _stylize(filters)},
        "/v1/filters": {"get": _get("filters", "List the filters.", {"200": _filters(), **_errors(_OF_EVERY)})},
        "/healthz": {"get": _get("health", "Check whether the server is alive.", alive, is_open=True)},
        "/readyz": {"get": _get("readiness", "Check whether the server can stylize photos now.", ready, is_open=True)},
        "/metrics": {"get": _get("metrics", "Return metrics for Prometheus.", {**metrics, **_errors(_OF_EVERY)})},
        "/openapi.json": {"get": _get("description", "Return this document.", {**document, **_errors(_OF_EVERY)})},
    }


def _get(operation: str, summary: str, responses: _Json, *, is_open: bool = False) -> _Json:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": responses,
        **({"security": []} if is_open else {}),
    }


def _stylize(filters: Sequence[str]) -> _Json:
    return {
        "operationId": "stylize",
        "summary": "Stylize a photo.",
        "description": "The answer is the file that `pix2style infer` would write with the same options.",
        "parameters": [_with_names(parameter.to_openapi(), filters) for parameter in PARAMETERS],
        "requestBody": {"required": True, "description": "The photo.", "content": _contents()},
        "responses": {"200": _picture(), **_errors((*_OF_EVERY, *_OF_STYLIZE))},
    }


def _with_names(parameter: _Json, filters: Sequence[str]) -> _Json:
    """Return a parameter. The parameter `filter` gets the filters of this server as its examples."""
    if parameter["name"] != "filter":
        return parameter
    examples = [*filters, *([f"{filters[0]}:0.6,{filters[1]}:0.4"] if len(filters) > 1 else [])]
    others = {key: value for key, value in parameter.items() if key != "example"}
    return others | {"examples": {example: {"value": example} for example in examples}}


def _contents() -> _Json:
    form = {
        "type": "object",
        "properties": {FIELD: {"type": "string", "contentMediaType": "image/jpeg", "description": "The photo."}},
        "required": [FIELD],
        "additionalProperties": False,
    }
    return {**{kind: {} for kind in IN_TYPES}, "multipart/form-data": {"schema": form}}


def _picture() -> _Json:
    return {
        "description": "The stylized photo.",
        "content": {kind: {} for kind in OUT_TYPES},
        "headers": {
            SERVER_TIMING: {
                "description": "Milliseconds of waiting (queue), decoding, stylizing and encoding.",
                "schema": {"type": "string"},
            },
            NOTES: {
                "description": "Notes about the photo for people: a JSON array of sentences.",
                "schema": {"type": "string"},
            },
        },
    }


def _filters() -> _Json:
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Filter"}}
    return _json({"type": "object", "properties": {"filters": rows}, "required": ["filters"]})


def _filter_schema() -> _Json:
    text = {"type": "string"}
    properties: _Json = {
        "name": text | {"description": "Name of the filter in requests."},
        "title": text | {"description": "Title of the filter for people."},
        "summary": text | {"description": "What the style looks like; may be empty."},
        "author": text | {"description": "Painter of the style image; may be empty."},
        "licence": text | {"description": "Licence of the filter."},
        "styles": {"type": "array", "items": text, "description": "Names of its styles; empty if it has only one."},
        "trained_at_px": {"type": "integer", "description": "Side in pixels of the photos of its training."},
        "sha256": text | {"description": "SHA-256 digest of its file."},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _error_schema() -> _Json:
    return {
        "type": "object",
        "properties": {
            "error": {"type": "string", "description": "What is wrong, and what to do."},
            "code": {"type": "string", "enum": list(ANSWERS)},
        },
        "required": ["error", "code"],
        "additionalProperties": False,
    }


def _errors(codes: Iterable[Code]) -> _Json:
    """Return the responses for codes. Codes with the same status share one response."""
    meanings: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        meanings[ANSWERS[code].status].append(f"`{code}`: {ANSWERS[code].meaning}")
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        str(status): {"description": "\n\n".join(texts), "content": content}
        for status, texts in sorted(meanings.items())
    }


def _json(schema: _Json) -> _Json:
    return {"description": "A JSON object.", "content": {"application/json": {"schema": schema}}}


def _text(description: str) -> _Json:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}
