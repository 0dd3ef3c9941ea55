"""Read YAML text into dicts, lists and values, with limits on depth and size.

Values without quotes become `PlainScalar`, because YAML's own rules surprise: in PyYAML `010` is 8, `off` is false and
`2024-01-01` is a date.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from pix2style.config.plain_scalar import PlainScalar
from pix2style.errors import ConfigError

MAX_BYTES = 500_000
"""Largest size of a file in bytes. Configurations have a few thousand; those that quickstart writes may list a thousand
photos."""
_MAX_DEPTH = 30
_MAX_VALUES = 10_000
_COMMENT_WITHOUT_SPACE = re.compile(r"[ \t]+(#[^\s#].*)")
_TEXT, _SEQUENCE, _MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))


class _PlainLoader(yaml.SafeLoader):
    """A loader that takes every plain value for a text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)


def parse_yaml(text: str) -> Any:
    """Parse YAML text.

    Args:
        text: One document.

    Returns:
        Dicts with texts as keys, lists, texts (of values in quotes), `PlainScalar` (of others); None for an empty text.

    Raises:
        ConfigError: The text is not YAML, has a key twice, a key that is not a text or a tag, or is too large. The
            message names the line.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"has more than {MAX_BYTES:,} characters, far more than a configuration: name the right file")
    try:
        root = yaml.compose(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        raise ConfigError(
            f"is not valid YAML: {line}{error.problem or error.context}{_hash_advice(error, text)}"
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an escape such as "\UFFFFFFFF"
        raise ConfigError(f"is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(f"is not valid YAML: is nested more than {_MAX_DEPTH} levels deep") from error
    if root is None:
        return None
    _count_values(root, {}, 0)
    return _build(root)


def _hash_advice(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return advice if a comment, in the line of the error or where the list began, may have been meant as a value."""
    lines = text.splitlines()
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None]
    if not marks or "expected ',' or" not in str(error.problem):
        return ""
    for line in lines[min(marks) : max(marks) + 1]:
        if match := _COMMENT_WITHOUT_SPACE.search(line):
            return f": {match[1].strip()[:40]!r} is a comment: put a text with # in quotes"
    return ""


def _count_values(node: yaml.Node, counts: dict[yaml.Node, int], depth: int) -> int:
    """Return the number of values in a node when each alias is replaced by what it stands for.

    Args:
        node: The node.
        counts: Counts of the nodes that were counted already, by node; 0 while a node is being counted.
        depth: Number of nodes that contain this one.
    """
    if node in counts:
        if counts[node] == 0:
            raise ConfigError(f"{_line(node)}: contains itself by an alias (*): write the value out")
        return counts[node]
    if depth > _MAX_DEPTH:
        raise ConfigError(f"{_line(node)}: is nested more than {_MAX_DEPTH} levels deep: no key needs that")
    counts[node] = 0
    count = 1 + sum(_count_values(child, counts, depth + 1) for child in _children(node))
    if count > _MAX_VALUES:
        raise ConfigError(f"{_line(node)}: stands for more than {_MAX_VALUES:,} values: no key needs so many")
    counts[node] = count
    return count


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _build(node: yaml.Node) -> Any:
    if node.tag not in {_TEXT, _SEQUENCE, _MAPPING}:
        raise ConfigError(f"is not valid YAML: {_line(node)}: the tag {node.tag!r} is not supported: leave it out")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item) for item in node.value]
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return str(node.value)
    return PlainScalar(str(node.value), node.start_mark.line + 1, _comment_after(node))


def _build_mapping(node: yaml.MappingNode) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _build(key_node)
        value = key.value if isinstance(key, PlainScalar) else key
        if not isinstance(value, str):
            shown = key.text if isinstance(key, PlainScalar) else "a list or mapping"
            raise ConfigError(f"{_line(key_node)}: the key {shown} is not a text: put it in quotes")
        if value in mapping:
            raise ConfigError(f"{_line(key_node)}: the key {value!r} occurs twice: remove one of them")
        mapping[value] = _build(value_node)
    return mapping


def _comment_after(node: yaml.Node) -> str:
    """Return the comment after a plain value in its line, if no space follows its `#`."""
    mark = node.end_mark
    match = _COMMENT_WITHOUT_SPACE.match(mark.buffer or "", mark.pointer)
    return match[1].rstrip("\0 \t") if match else ""


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
