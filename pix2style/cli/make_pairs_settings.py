"""Combine the options of `make-pairs` with the section `pairs` of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.errors import ConfigError
from pix2style.plural import counted
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, TEACHER_NAMES

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig
    from pix2style.teachers.custom.load import CustomTeacherSpec


@dataclass(frozen=True, slots=True)
class StyleOptions:
    """The options about paintings.

    Attributes:
        paintings: Values of `--style`.
        weights: Values of `--weight`; empty for equal weights.
        strength: Value of `--strength`; None if it is not set.
        each: Whether each painting is a style of its own (`--each-style`).
    """

    paintings: Sequence[Path] = ()
    weights: Sequence[float] = ()
    strength: float | None = None
    each: bool = False

    def to_section(self) -> dict[str, Any]:
        """Return the keys of the section `pairs` that these options set.

        Raises:
            ConfigError: The options contradict each other.
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
            raise ConfigError("--weight, --strength and --each-style need a painting: add --style FILE")
        if self.each and self.weights:
            raise ConfigError(
                "--weight blends the paintings into one style, --each-style makes each a style of its own: use one of"
                " the two"
            )
        if self.weights and len(self.weights) != len(self.paintings):
            raise ConfigError(
                f"--weight: {counted(len(self.weights), 'weight')} for {counted(len(self.paintings), 'painting')}:"
                " give one for each --style"
            )


def load_settings(
    config: Path | None, overrides: Sequence[str], options: dict[str, Any], style: StyleOptions | None = None
) -> PairsConfig:
    """Load the section `pairs` of a configuration, and apply first the overrides and then the options.

    Args:
        config: YAML file; None starts from the defaults.
        overrides: `section.key=value` texts.
        options: Values by key of the section; None if the option is not set.
        style: The options about paintings.

    Raises:
        ConfigError: A key or value is wrong, or options contradict each other.
    """
    from pix2style.config import load_config, parse_config

    loaded = load_config(config, overrides) if config else parse_config({}, source="override", overrides=overrides)
    values = {key: _to_plain(value) for key, value in options.items() if value is not None and value != []}
    style_values = (style or StyleOptions()).to_section()
    section = {**loaded.pairs.model_dump(mode="json", exclude_unset=True), **values, **style_values}
    if (section.get("style") is not None or section.get("styles")) and section.get("teacher") is None:
        section["teacher"] = DEFAULT_PAINTING_TEACHER
    return parse_config({"pairs": section}, source="options").pairs


def parse_custom_teacher(
    teacher: str | None, files: Sequence[Path], timeout_s: float | None, licence: str
) -> CustomTeacherSpec | None:
    """Return the user's own teacher if `--teacher` names a function or a command; None for a built-in teacher.

    Args:
        teacher: Value of `--teacher`.
        files: Values of `--teacher-file`.
        timeout_s: Value of `--teacher-timeout`, in seconds.
        licence: Value of `--teacher-licence`.

    Raises:
        ConfigError: The text names neither a built-in teacher nor a function nor a command.
    """
    if teacher is None or teacher in TEACHER_NAMES:
        if files or timeout_s is not None or licence:
            raise ConfigError(
                "--teacher-file, --teacher-timeout and --teacher-licence need a teacher of your own: add --teacher"
                " MODULE:FUNCTION or --teacher COMMAND"
            )
        return None
    from pix2style.teachers.custom.load import CustomTeacherSpec, is_command

    if not is_command(teacher) and ":" not in teacher:
        raise ConfigError(
            f"--teacher {teacher}: expected {', '.join(TEACHER_NAMES)}, MODULE:FUNCTION, FILE.py:FUNCTION, or a command"
            " with {input} and {output}"
        )
    return CustomTeacherSpec(teacher, tuple(files), timeout_s, licence)


def _to_plain(value: Any) -> Any:
    """Return the value of an option as YAML would hold it."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value) if isinstance(value, Path) else value
