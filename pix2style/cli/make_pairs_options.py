"""The options of make-pairs, put together with a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.errors import ConfigError
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, TEACHER_NAMES

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.teachers.custom.load import CustomTeacherSpec


@dataclass(frozen=True, slots=True)
class StyleOptions:
    """What the command line says of the style.

    Attributes:
        paintings: `--style`.
        weights: `--weight`.
        strength: `--strength`.
        each: `--each-style`.
    """

    paintings: Sequence[Path] = ()
    weights: Sequence[float] = ()
    strength: float | None = None
    each: bool = False

    def section(self) -> dict[str, Any]:
        """Keys of the section `pairs`.

        Raises:
            ConfigError: the options do not go together.
        """
        self._check()
        if not self.paintings:
            return {}
        paintings = [str(painting) for painting in self.paintings]
        if len(paintings) == 1 and self.strength is None:
            return {"style": paintings[0], "styles": []}
        strength = {} if self.strength is None else {"strength": self.strength}
        groups = [[painting] for painting in paintings] if self.each else [paintings]
        weights = {"weights": list(self.weights)} if self.weights else {}
        return {"style": None, "styles": [{"paintings": group, **weights, **strength} for group in groups]}

    def _check(self) -> None:
        if not self.paintings and (self.weights or self.strength is not None or self.each):
            raise ConfigError("--weight, --strength and --each-style say something of --style, which is not given")
        if self.each and self.weights:
            raise ConfigError("--weight blends paintings into one style, --each-style keeps them apart: choose one")
        if self.weights and len(self.weights) != len(self.paintings):
            raise ConfigError(f"--weight: {len(self.weights)} for {len(self.paintings)} paintings: give one a painting")


def resolve(
    config: Path | None, overrides: Sequence[str], options: dict[str, Any], style: StyleOptions | None = None
) -> PairsConfig:
    """The section `pairs` of a file, with overrides and then options applied.

    Args:
        config: YAML file, if any.
        overrides: `section.key=value` texts.
        options: values by key of the section; None: not given.
        style: what was said of paintings.

    Raises:
        ConfigError: something is wrong or does not go together; names the key.
    """
    from pix2style.config import load_config, parse_config

    changes = list(overrides)
    loaded = load_config(config, changes) if config else parse_config({}, source="override", overrides=changes)
    given = {key: _plain(value) for key, value in options.items() if value is not None and value != []}
    painting = (style or StyleOptions()).section()
    section = {**loaded.pairs.model_dump(mode="json", exclude_unset=True), **given, **painting}
    if (section.get("style") is not None or section.get("styles")) and section.get("teacher") is None:
        section["teacher"] = DEFAULT_PAINTING_TEACHER
    return parse_config({"pairs": section}, source="options").pairs


def custom_teacher(
    teacher: str | None, files: Sequence[Path], timeout_s: float | None, licence: str
) -> CustomTeacherSpec | None:
    """A user's own teacher, if `--teacher` names one.

    Raises:
        ConfigError: it is neither built in nor a program or function.
    """
    if teacher is None or teacher in TEACHER_NAMES:
        if files or timeout_s is not None or licence:
            raise ConfigError("--teacher-file, --teacher-timeout and --teacher-licence are for a teacher of your own")
        return None
    from pix2style.teachers.custom.load import CustomTeacherSpec, is_command

    if not is_command(teacher) and ":" not in teacher:
        raise ConfigError(
            f"--teacher {teacher}: expected {', '.join(TEACHER_NAMES)}, module:function, or a command with {{input}}"
            " and {output}"
        )
    return CustomTeacherSpec(teacher, tuple(files), timeout_s, licence)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value) if isinstance(value, Path) else value
