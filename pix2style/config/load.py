"""Load an experiment's configuration from a YAML file and `key=value` overrides.

Messages about unknown keys name the most similar key that exists.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pix2style.config.plain_scalar import PlainScalar
from pix2style.config.resolve import UnclearValueError, resolve_scalars, section_type
from pix2style.config.root import Config
from pix2style.config.shipped import find_config
from pix2style.config.yaml_text import MAX_BYTES, parse_yaml
from pix2style.errors import ConfigError

_MAX_MESSAGES = 20
_MAX_VALUE_LENGTH = 120
_MAX_KEY_LENGTH = 80
# Instead of pydantic's words, which name Python's types.
_OWN_WORDS = {
    "model_type": "is a section with keys of its own, not a single value",
    "tuple_type": "must be a list, for example [a, b]",
    "dict_type": "must be a mapping, for example {a: 1}",
}


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
    return parse_config(parse_document(_read_text(path), str(path)), source=str(path), overrides=overrides)


def parse_config(values: dict[str, Any], *, source: str = "configuration", overrides: Sequence[str] = ()) -> Config:
    """Make a configuration from values that were read from YAML or JSON.

    Args:
        values: Sections by name; missing keys have their defaults.
        source: Where the values come from, for messages.
        overrides: `section.key=value` texts, which replace `values`.

    Raises:
        ConfigError: A key or value is wrong. The message names the key.
    """
    overridden = []
    for override in overrides:
        keys, value = _parse_override(override)
        values = _with_value(values, keys, value, override)
        overridden.append(keys)
    try:
        return Config.model_validate(resolve_scalars(values, Config))
    except UnclearValueError as error:
        place = _place(source, overridden, error.location)
        raise ConfigError(f"{place} {error.reason}") from error
    except ValidationError as error:
        messages = [_message(source, overridden, details) for details in error.errors(include_url=False)]
        more = [f"and {len(messages) - _MAX_MESSAGES} more"] if len(messages) > _MAX_MESSAGES else []
        raise ConfigError("\n".join([*messages[:_MAX_MESSAGES], *more])) from error


def apply_overrides(config: Config, overrides: Sequence[str]) -> Config:
    """Return a copy of `config` with `section.key=value` texts applied.

    Raises:
        ConfigError: A key or value is wrong. The message names the key.
    """
    return parse_config(config.model_dump(mode="json"), source="override", overrides=overrides)


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """Return a copy of `config` with other values.

    Unlike the texts of `apply_overrides` they are not parsed, so that paths may hold any characters.

    Args:
        config: Configuration to change.
        values: New values by `section.key`, as JSON has them.

    Raises:
        ConfigError: A key or value is wrong. The message names the key.
    """
    changed = config.model_dump(mode="json")
    for key, value in values.items():
        changed = _with_value(changed, key.split("."), value, key)
    return parse_config(changed, source="override")


def _read_text(path: Path) -> str:
    """Read a file, but not more of it than a configuration may have: it may be a photo or /dev/zero."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError(
                f"{path}: is larger than {MAX_BYTES:,} bytes, so it is no configuration: name another file"
            )
        return data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error


def parse_document(text: str, source: str) -> dict[str, Any]:
    """Parse the YAML text of a configuration into values for `parse_config`; `source` is its name, for messages."""
    try:
        values = parse_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        kind = "list" if isinstance(values, list) else "text"
        raise ConfigError(f"{source}: holds a {kind}: expected sections such as pairs:, model: and train:")
    return values


def _parse_override(override: str) -> tuple[list[str], Any]:
    """Return the keys and the value of a `section.key=value` text.

    A value that begins with a bracket, a brace or a quote is YAML; any other is taken as it stands, with `#` and `:`.
    """
    key, equals, text = override.partition("=")
    keys = key.strip().split(".")
    if key != key.rstrip():  # written as `key = value`
        text = text.strip()
    if not equals or not all(keys):
        raise ConfigError(f"override {override!r}: expected section.key=value, for example train.batch=4")
    if not text.strip():
        raise ConfigError(f'override {override!r}: has no value: write {key.strip()}=null for none, or ="" for no text')
    if text[0] not in "[{\"'":
        return keys, PlainScalar(text)
    try:
        return keys, parse_yaml(text)
    except ConfigError as error:
        advice = f"put a text that begins with {text[0]} in quotes"
        raise ConfigError(f"override {override!r}: {error}: {advice}") from error


def _with_value(values: dict[str, Any], keys: list[str], value: Any, override: str) -> dict[str, Any]:
    """Return a copy of nested dicts in which the value at the path `keys` is replaced."""
    if len(keys) == 1:
        return {**values, keys[0]: value}
    inner = values.get(keys[0]) or {}
    if isinstance(inner, PlainScalar) and inner.value is None:  # a section whose keys are all left out
        inner = {}
    if not isinstance(inner, dict):
        raise ConfigError(f"override {override!r}: {keys[0]} is a value, not a section")
    return {**values, keys[0]: _with_value(inner, keys[1:], value, override)}


def _message(source: str, overridden: Sequence[Sequence[str]], error: Any) -> str:
    """Return the message for one of pydantic's error dicts; `overridden` holds the keys of the overrides."""
    location = [str(part) for part in error["loc"]]
    place = _place(source, overridden, location)
    if error["type"] == "extra_forbidden":
        return f"{place} unknown key {_shown(location[-1])}{_suggestion(location)}"
    value = error.get("input")
    current = "" if isinstance(value, dict | BaseModel) else f" (the value is {_shown(value)})"
    message = _OWN_WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return f"{place} {message}{current}"


def _place(source: str, overridden: Sequence[Sequence[str]], location: Sequence[str]) -> str:
    """Return the key, and where its value comes from: from an override, from the file, or in parts from both."""
    is_partly = any(list(keys[: len(location)]) == list(location) for keys in overridden)
    if source == "override" or any(list(location[: len(keys)]) == list(keys) for keys in overridden):
        source = "override"
    elif is_partly:
        source = f"{source} and overrides"
    return f"[{source}: {' -> '.join(location) or 'file'}]"


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."


def _suggestion(location: list[str], section_prefix: Sequence[str] = ()) -> str:
    """Return the most similar key: of the same section, after its prefix, else of any section."""
    section_keys = _keys_of_section(location[:-1])
    if len(location[-1]) > _MAX_KEY_LENGTH:
        return ""
    similar = difflib.get_close_matches(location[-1], section_keys, n=1, cutoff=0.6)
    if similar:
        return f": did you mean {'.'.join((*section_prefix, similar[0]))!r}?"
    all_keys = dict(_all_keys(Config, ()))
    similar = difflib.get_close_matches(location[-1], all_keys, n=1, cutoff=0.75)
    if similar and all_keys[similar[0]] != location[-1]:
        return f": did you mean {all_keys[similar[0]]!r}?"
    return f": this section has the keys {', '.join(section_keys)}" if section_keys else ""


def suggest_key(key: str) -> str:
    """Return what to try instead of a key that does not exist, such as `: did you mean 'train.batch'?`; or nothing."""
    *section, last = key.split(".")
    return _suggestion([*section, last], section)


def _keys_of_section(location: Sequence[str]) -> list[str]:
    section: type[BaseModel] = Config
    for key in location:
        inner = section_type(section.model_fields[key].annotation) if key in section.model_fields else None
        if inner is None:
            return []
        section = inner
    return list(section.model_fields)


def _all_keys(section: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the name and the full path of every key in a section."""
    keys = []
    for name, info in section.model_fields.items():
        keys.append((name, ".".join((*prefix, name))))
        inner = section_type(info.annotation)
        if inner is not None:
            keys += _all_keys(inner, (*prefix, name))
    return keys
