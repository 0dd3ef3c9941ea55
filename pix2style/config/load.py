"""YAML files and `key=value` overrides to a `Config`, with messages that name the key and the nearest right one."""

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
from pix2style.errors import ConfigError


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses duplicate keys and reads 1e-4 as a number and off as a word (YAML 1.2, not 1.1)."""


_FLOAT = re.compile(r"^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?$")
_INTEGER = re.compile(r"^[-+]?[0-9][0-9_]*$")
_TRUTH = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_OTHERS = tuple(f"tag:yaml.org,2002:{name}" for name in ("float", "int", "bool", "timestamp"))


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key!r} is not a word: quote it")
        if key in seen:
            raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice: keep one")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# Own lists of resolvers, so that SafeLoader itself stays as it is.
_StrictLoader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in _OTHERS]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", _TRUTH, list("tTfF"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read one experiment's YAML file.

    Args:
        path: the file; relative paths inside it are relative to the working directory.
        overrides: `section.key=value` texts, applied last.

    Raises:
        ConfigError: the file is missing, is not YAML, or says something wrong; names the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    return parse_config(_parse_yaml(text, str(path)), source=str(path), overrides=overrides)


def parse_config(value: dict[str, Any], *, source: str = "configuration", overrides: Sequence[str] = ()) -> Config:
    """Check a configuration that was read from YAML or JSON; see `load_config`."""
    for override in overrides:
        value = _with_override(value, override)
    try:
        return Config.model_validate(value)
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(source, e) for e in error.errors(include_url=False))) from error


def apply_overrides(config: Config, overrides: Sequence[str]) -> Config:
    """`config` with `section.key=value` texts applied.

    Raises:
        ConfigError: an unknown key or a value that does not fit; names both.
    """
    return parse_config(config.model_dump(mode="json"), source="override", overrides=overrides)


def _parse_yaml(text: str, source: str) -> dict[str, Any]:
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: is not valid YAML: {' '.join(str(error).split())}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: holds a {type(value).__name__}; expected sections such as pairs:, model:, train:")
    return value


def _with_override(value: dict[str, Any], override: str) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {override!r}: expected section.key=value, for example train.batch=4")
    new = _parse_yaml(f"value: {text}", f"override {override!r}")["value"]
    return _set(value, key.strip().split("."), new, override)


def _set(value: dict[str, Any], keys: list[str], new: Any, override: str) -> dict[str, Any]:
    if len(keys) == 1:
        return {**value, keys[0]: new}
    inner = value.get(keys[0]) or {}
    if not isinstance(inner, dict):
        raise ConfigError(f"override {override!r}: {keys[0]} is a value, not a section")
    return {**value, keys[0]: _set(inner, keys[1:], new, override)}


def _describe(source: str, error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    where = " -> ".join(location) or "file"
    if error["type"] == "extra_forbidden":
        return f"[{source}: {where}] unknown key {location[-1]!r}{_nearest(location)}"
    given = error.get("input")
    shown = "" if isinstance(given, dict | BaseModel) or given is None else f" (given: {given!r})"
    return f"[{source}: {where}] {error['msg'].removeprefix('Value error, ')}{shown}"


def _nearest(location: list[str]) -> str:
    """Name the nearest right key: in the same section, else anywhere in the configuration."""
    here = _fields_at(location[:-1])
    near = difflib.get_close_matches(location[-1], here, n=1, cutoff=0.6)
    if near:
        return f": did you mean {near[0]!r}?"
    everywhere = dict(_all_keys(Config, ()))
    elsewhere = difflib.get_close_matches(location[-1], everywhere, n=1, cutoff=0.75)
    if elsewhere:
        return f": did you mean {everywhere[elsewhere[0]]!r}?"
    return f": this section has {', '.join(here)}" if here else ""


def _fields_at(location: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Config
    for key in location:
        inner = _section_of(model.model_fields[key].annotation) if key in model.model_fields else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _all_keys(model: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    keys = []
    for name, info in model.model_fields.items():
        keys.append((name, ".".join((*prefix, name))))
        inner = _section_of(info.annotation)
        if inner is not None:
            keys += _all_keys(inner, (*prefix, name))
    return keys


def _section_of(annotation: Any) -> type[BaseModel] | None:
    candidates = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
