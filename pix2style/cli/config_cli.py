"""The commands `pix2style config`: the shipped configurations, all keys, and a schema for editors."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import Application, app
from pix2style.cli.common_options import JsonOption, complete_config
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require

if TYPE_CHECKING:
    from pix2style.config.describe import KeyDescription

_WIDTH = 100
config_app = Application(name="config", help="List and print the shipped configurations, and describe every key.")
app.add_typer(config_app, name="config")


@config_app.callback(invoke_without_command=True)
def _config(context: typer.Context) -> None:
    """List and print the shipped configurations, and describe every key."""
    if context.invoked_subcommand is None:
        list_command()


@config_app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the configurations that come with pix2style. `--config NAME` takes one by its name, anywhere.

    `pix2style config` alone does the same.
    """
    require("pairs", "pydantic", "yaml")
    from pix2style.config.shipped import instead_on_cpu, shipped_configs, summary

    configs = [
        {"name": name, "summary": summary(path), "path": str(path), "instead_on_cpu": list(instead_on_cpu(name))}
        for name, path in shipped_configs().items()
    ]
    if as_json:
        print(json_text(configs))
        return
    for entry in configs:
        print(_entry(str(entry["name"]), str(entry["summary"])))
        if entry["instead_on_cpu"]:
            print(_entry("", f"For a GPU. On a CPU take {' or '.join(entry['instead_on_cpu'])}."))
    print("\npix2style config show NAME prints one; train, distill, make-pairs and eval take it by --config NAME")


@config_app.command("show")
def show_command(
    name: Annotated[
        Path,
        typer.Argument(
            metavar="NAME", autocompletion=complete_config, help="Name of a shipped configuration, or a YAML file."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="With --full: change settings, for example train.batch=4."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print all keys with their values, also the defaults.")] = False,
) -> None:
    """Print a configuration, to read it or to make one of your own: `pix2style config show finetune > mine.yaml`."""
    require("pairs", "pydantic", "yaml")
    from pix2style.config.load import load_config
    from pix2style.config.shipped import find_config

    if overrides and not full:
        raise ConfigError("KEY=VALUE: changes values, and the file is printed as it is: add --full")
    config = load_config(name, overrides or [])
    if not full:
        sys.stdout.write(find_config(name).read_text(encoding="utf-8"))
        return
    import yaml

    print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")


@config_app.command("keys")
def keys_command(
    beginning: Annotated[
        str, typer.Argument(metavar="[KEY]", help="Only this key, or the keys of this section, for example train.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Describe the keys of a configuration: type, unit, range, default and meaning."""
    require("pairs", "pydantic", "yaml")
    from pix2style.config.describe import describe_sections
    from pix2style.config.load import suggest_key

    keys = [key for section in describe_sections() for key in section.keys if _is_inside(key.key, beginning)]
    if not keys:
        raise ConfigError(f"there is no key {beginning!r}{suggest_key(beginning)}")
    if as_json:
        print(json_text([key.to_json() for key in keys]))
    else:
        print("\n".join(_key_lines(key) for key in keys))


@config_app.command("schema")
def schema_command(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write. Default: print it.")] = None,
) -> None:
    """Write the JSON schema of configuration files, by which editors complete and check keys.

    The comment `# yaml-language-server: $schema=FILE` in a YAML file tells most editors to use it.
    """
    require("pairs", "pydantic", "yaml")
    from pix2style.config.schema import json_schema
    from pix2style.files import write_bytes

    text = json_text(json_schema()) + "\n"
    if out is None:
        print(text, end="")
        return
    try:
        write_bytes(out, text.encode())
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror or error}") from error
    print(f"{out}: the first line of a YAML file tells editors: # yaml-language-server: $schema={out}")


def _is_inside(key: str, beginning: str) -> bool:
    beginning = beginning.rstrip(".")
    return not beginning or key == beginning or key.startswith((f"{beginning}.", f"{beginning}["))


def _entry(name: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"{name:<16}", subsequent_indent=" " * 16)


def _key_lines(key: KeyDescription) -> str:
    unit = f", in {key.unit}" if key.unit not in ("", "none") else ", without a unit" if key.unit else ""
    limits = f", {key.range}" if key.range else ""
    head = f"{key.key}: {key.type}{unit}{limits}; default {key.default}"
    return "\n".join([head, textwrap.fill(key.meaning, _WIDTH, initial_indent="    ", subsequent_indent="    ")])
