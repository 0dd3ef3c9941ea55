"""Load an experiment's configuration from a YAML file and `key=value` overrides.

Messages about unknown keys name the most similar key that exists.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pix2style.config.root import Config
from pix2style.config.shipped import find_config
from pix2style.errors import ConfigError


class _StrictLoader(yaml.SafeLoader):
    """A safe YAML loader that refuses duplicate keys and follows YAML 1.2 for plain values.

    PyYAML follows YAML 1.1, in which `1e-4` is a text, `off` is false, and `2024-01-01` is a date.
    """


_FLOAT = re.compile(r"^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?$")
_INTEGER = re.compile(r"^[-+]?[0-9][0-9_]*$")
_BOOLEAN = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_REPLACED_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("float", "int", "bool", "timestamp"))


def _construct_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: set[str] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise ConfigError(f"line {line}: the key {key!r} is not a text: put it in quotes")
        if key in keys:
            raise ConfigError(f"line {line}: the key {key!r} occurs twice: remove one of them")
        keys.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
# A copy of the resolvers, because SafeLoader and its subclasses share one table.
_StrictLoader.yaml_implicit_resolvers = {
    first_character: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED_TAGS]
    for first_character, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEAN, list("tTfF"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Load the configuration of an experiment from a YAML file.

    Args:
        path: The YAML file, or the name of a configuration that comes with pix2style, such as `watercolor`. Relative
            paths inside it are relative to the working directory.
        overrides: `section.key=value` texts, which replace values of the file.

    Raises:
        ConfigError: The file is missing or not YAML, or a key or value is wrong. The message names the key.
    """
    path = find_config(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    return parse_config(_parse_yaml(text, str(path)), source=str(path), overrides=overrides)


def parse_config(values: dict[str, Any], *, source: str = "configuration", overrides: Sequence[str] = ()) -> Config:
    """Make a configuration from values that were read from YAML or JSON.

    Args:
        values: Sections by name; missing keys have their defaults.
        source: Where the values come from, for messages.
        overrides: `section.key=value` texts, which replace `values`.

    Raises:
        ConfigError: A key or value is wrong. The message names the key.
    """
    for override in overrides:
        values = _apply_override(values, override)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        messages = [_message(source, details) for details in error.errors(include_url=False)]
        raise ConfigError("\n".join(messages)) from error


def apply_overrides(config: Config, overrides: Sequence[str]) -> Config:
    """Return a copy of `config` with `section.key=value` texts applied.

    Raises:
        ConfigError: A key or value is wrong. The message names the key.
    """
    return parse_config(config.model_dump(mode="json"), source="override", overrides=overrides)


def _parse_yaml(text: str, source: str) -> dict[str, Any]:
    try:
        values = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: is not valid YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{source}: holds a {type(values).__name__}: expected sections such as pairs:, model: and train:"
        )
    return values


def _apply_override(values: dict[str, Any], override: str) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {override!r}: expected section.key=value, for example train.batch=4")
    value = _parse_yaml(f"value: {text}", f"override {override!r}")["value"]
    return _with_value(values, key.strip().split("."), value, override)


def _with_value(values: dict[str, Any], keys: list[str], value: Any, override: str) -> dict[str, Any]:
    """Return a copy of nested dicts in which the value at the path `keys` is replaced."""
    if len(keys) == 1:
        return {**values, keys[0]: value}
    inner = values.get(keys[0]) or {}
    if not isinstance(inner, dict):
        raise ConfigError(f"override {override!r}: {keys[0]} is a value, not a section")
    return {**values, keys[0]: _with_value(inner, keys[1:], value, override)}


def _message(source: str, error: Any) -> str:
    """Return the message for one of pydantic's error dicts."""
    location = [str(part) for part in error["loc"]]
    key = " -> ".join(location) or "file"
    if error["type"] == "extra_forbidden":
        return f"[{source}: {key}] unknown key {location[-1]!r}{_suggestion(location)}"
    value = error.get("input")
    current = "" if isinstance(value, dict | BaseModel) or value is None else f" (the value is {value!r})"
    return f"[{source}: {key}] {error['msg'].removeprefix('Value error, ')}{current}"


def _suggestion(location: list[str]) -> str:
    """Return the most similar key: of the same section, else of any section."""
    section_keys = _keys_of_section(location[:-1])
    similar = difflib.get_close_matches(location[-1], section_keys, n=1, cutoff=0.6)
    if similar:
        return f": did you mean {similar[0]!r}?"
    all_keys = dict(_all_keys(Config, ()))
    similar = difflib.get_close_matches(location[-1], all_keys, n=1, cutoff=0.75)
    if similar:
        return f": did you mean {all_keys[similar[0]]!r}?"
    return f": this section has the keys {', '.join(section_keys)}" if section_keys else ""


def suggest_key(key: str) -> str:
    """Return what to try instead of a key that does not exist, such as `: did you mean 'train.batch'?`; or nothing."""
    return _suggestion(key.split("."))


def _keys_of_section(location: Sequence[str]) -> list[str]:
    section: type[BaseModel] = Config
    for key in location:
        inner = _section_type(section.model_fields[key].annotation) if key in section.model_fields else None
        if inner is None:
            return []
        section = inner
    return list(section.model_fields)


def _all_keys(section: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the name and the full path of every key in a section."""
    keys = []
    for name, info in section.model_fields.items():
        keys.append((name, ".".join((*prefix, name))))
        inner = _section_type(info.annotation)
        if inner is not None:
            keys += _all_keys(inner, (*prefix, name))
    return keys


def _section_type(annotation: Any) -> type[BaseModel] | None:
    """Return the section class of a field; None if the field holds a plain value."""
    candidates = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
