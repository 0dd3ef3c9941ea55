"""The OpenAPI document is valid, and promises what the server does; nonsense never makes the server fail."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from server_parts import FILTERS, Caller, form

from pix2style.serve.access import Access
from pix2style.serve.answers import ANSWERS
from pix2style.serve.limits import ServeLimits
from pix2style.serve.openapi import openapi_document
from pix2style.serve.parameters import PARAMETERS, Choice, Integer, Number, Parameter, ParameterError, parse_query

STYLIZE = "/v1/stylize"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    document: dict[str, Any] = Caller()("GET", "/openapi.json").json
    return document


@pytest.mark.parametrize("needs_token", [False, True])
def test_the_document_is_valid(needs_token: bool) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    for names in (FILTERS.names, FILTERS.names[:1]):
        validator.validate(openapi_document(names, needs_token=needs_token))


def test_every_address_is_described_and_every_code_is_promised(document: dict[str, Any]) -> None:
    ask = Caller()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = ask(method.upper(), path)
            assert str(answer.status) in operations[method]["responses"]
    schemas = document["components"]["schemas"]
    for row in ask("GET", "/v1/filters").json["filters"]:
        assert list(row) == schemas["Filter"]["required"]
    text = json.dumps(document["paths"])
    missing = [code for code in ANSWERS if f"`{code}`" not in text]
    assert missing == ["no-such-address", "method", "server-error"]
    assert schemas["Error"]["properties"]["code"]["enum"] == list(ANSWERS)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_what_the_document_says_of_a_parameter_is_checked(parameter: Parameter, document: dict[str, Any]) -> None:
    rows = document["paths"][STYLIZE]["post"]["parameters"]
    [row] = [row for row in rows if row["name"] == parameter.name]
    examples = [row["example"]] if "example" in row else [example["value"] for example in row["examples"].values()]
    for value in [*examples, *([row["schema"]["default"]] if "default" in row["schema"] else [])]:
        assert parse_query(_query({parameter.name: value}))[parameter.name] == value
    inside, outside = _edges(parameter)
    for value in inside:
        assert parse_query(_query({parameter.name: value}))[parameter.name] == value
    for value in outside:
        with pytest.raises(ParameterError, match=f"^{parameter.name}: "):
            parse_query(_query({parameter.name: value}))


def test_the_guide_names_every_parameter_code_and_address(document: dict[str, Any]) -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/serve.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| ")]
    for parameter in PARAMETERS:
        assert [row for row in rows if row.startswith(f"| `{parameter.name}` |")], parameter.name
    for code, answer in ANSWERS.items():
        named = [row for row in rows if f"`{code}`" in row and str(answer.status) in row]
        assert named or code == "server-error", code
    assert [path for path in document["paths"] if path not in guide] == []


def _edges(parameter: Parameter) -> tuple[list[Any], list[Any]]:
    """Values that the kind of a parameter just allows, and some that it just does not."""
    kind = parameter.kind
    if isinstance(kind, Number | Integer):
        step = 1 if isinstance(kind, Integer) else 0.001
        return [kind.least, kind.most], [kind.least - step, kind.most + step, "", "1,5", "0x1"]
    if isinstance(kind, Choice):
        return list(kind.values), [kind.values[0].upper(), kind.values[0] + " ", ""]
    return [], [""]


def _query(values: dict[str, Any]) -> bytes:
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    return urllib.parse.urlencode(texts).encode()


_NAMES = st.sampled_from([parameter.name for parameter in PARAMETERS]) | st.text(max_size=12)
_VALUES = (
    st.sampled_from(
        ["", "0", "1", "0.5", "-1", "nan", "1e9", "true", "jpeg", "all", "great-wave", "letters@1", "a:b,c"]
    )
    | st.text(max_size=20)
    | st.floats().map(str)
)
_QUERIES = st.lists(st.tuples(_NAMES, _VALUES), max_size=4).map(
    lambda pairs: urllib.parse.urlencode(pairs, errors="replace")
) | st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60)
_BODIES = (
    st.binary(max_size=300)
    | st.builds(
        lambda name, data: form((name, data))[0], st.sampled_from(["photo", "x", '"', ""]), st.binary(max_size=50)
    )
    | st.builds(lambda data: b"--xyz\r\n" + data + b"\r\n--xyz--\r\n", st.binary(max_size=80))
)
_TYPES = st.sampled_from(
    [
        "",
        "image/jpeg",
        "multipart/form-data",
        "multipart/form-data; boundary=xyz",
        'multipart/form-data; boundary="',
        ";",
    ]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
_LENGTHS = st.none() | st.sampled_from(["0", "1", "300", "-1", "x", "\xb2", "9" * 5000])
_SIZES = st.integers(1, 300)
_SMALL = Caller(limits=ServeLimits(body_bytes=250))
_PROMISED = openapi_document(FILTERS.names, needs_token=False)["paths"][STYLIZE]["post"]["responses"]
_STRICT = [
    Caller(access=Access(token, is_open=is_open))
    for token in (None, "a-token-of-many-letters")
    for is_open in (False, True)
]


@settings(max_examples=150, deadline=None)
@given(query=_QUERIES, body=_BODIES, content_type=_TYPES, size=_SIZES, length=_LENGTHS)
@example(query="filter=great-wave", body=b"x", content_type="", size=1, length=None)
@example(
    query="filter=letters@0.5", body=b"x", content_type="multipart/form-data; boundary=" + "x" * 300, size=1, length="1"
)
def test_nonsense_gets_an_answer_of_the_document(
    query: str, body: bytes, content_type: str, size: int, length: str | None
) -> None:
    ask = _SMALL
    ask.pool.jobs.clear()
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    headers = {"content-type": content_type, **({} if length is None else {"content-length": length})}
    answer = asyncio.run(ask.ask("POST", f"{STYLIZE}?{query}", chunks, headers))
    assert str(answer.status) in _PROMISED
    assert answer.status == 200 or ANSWERS[answer.code].status == answer.status
    assert len(ask.pool.jobs) == (answer.status == 200)
    assert ask.front.arriving.bytes == ask.front.in_work == 0


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "X"]),
    path=st.text(max_size=20).map(lambda text: f"/{text}"),
    authorization=st.text(st.characters(max_codepoint=255), max_size=30),
    host=st.sampled_from(["127.0.0.1", "[", "[::1", "a@b", "::", "\xff"]) | st.text(st.characters(max_codepoint=255)),
)
def test_any_head_gets_an_answer(method: str, path: str, authorization: str, host: str) -> None:
    headers = {"authorization": authorization, "host": host, "origin": host}
    for ask in _STRICT:
        assert ask(method, path.replace("?", ""), headers=headers).status in (401, 403, 404)
