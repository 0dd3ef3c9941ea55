"""Which teachers make a pair set: plain values that every worker turns into the same teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, require
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, TEACHERS, find_teacher
from pix2style.teachers.custom.load import CustomTeacherSpec
from pix2style.teachers.registry import import_teacher
from pix2style.teachers.style import style_blends


@dataclass(frozen=True, slots=True)
class TeacherSpec:
    """Describe the teachers of a pair set. It can be pickled and sent to the workers of a cluster; teachers cannot.

    Relative paths in it are relative to the working directory of the process that loads the teachers.

    Attributes:
        settings: Section `pairs` of the configuration.
        custom: The user's own program or function, which replaces the teacher that the settings name. It is not part
            of the configuration, because a configuration file must never start a program.
    """

    settings: PairsConfig
    custom: CustomTeacherSpec | None = None

    def check(self) -> None:
        """Check that teacher and paintings go together, without loading anything.

        Raises:
            ConfigError: If they do not. The message names the configuration key.
        """
        has_painting = self.settings.style is not None or bool(self.settings.styles)
        if self.custom is not None:
            if has_painting:
                raise ConfigError(
                    "[pairs -> style] your own teacher takes no painting from pix2style: put the painting into its"
                    " command or code, and name the file with --teacher-file"
                )
            self._check_custom()
        else:
            self._check_painting(has_painting)
        names = [style.name for style in style_blends(self.settings)]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"[pairs -> styles] two styles have the name {name}: give each style its own name")

    def _check_painting(self, has_painting: bool) -> None:
        teacher = find_teacher(self.settings.teacher)
        if has_painting and not teacher.needs_painting:
            raise ConfigError(
                f"[pairs -> style] the {teacher.name} teacher has its own style and takes no painting: use --teacher"
                f" {DEFAULT_PAINTING_TEACHER}, or leave out --style"
            )
        if teacher.needs_painting and not has_painting:
            raise ConfigError(f"[pairs -> style] the {teacher.name} teacher needs a painting: add --style FILE")
        if self._has_painting_size and not teacher.scales_painting:
            names = " or ".join(entry.name for entry in TEACHERS if entry.scales_painting)
            raise ConfigError(
                f"[pairs -> painting_size] the {teacher.name} teacher has no such setting: leave it out, or use"
                f" --teacher {names}"
            )

    def _check_custom(self) -> None:
        """Refuse settings of the built-in teachers that a teacher of the user's own would not see."""
        chosen = {"module": self.settings.module is not None, "painting_size": self._has_painting_size}
        for key in (key for key, is_chosen in chosen.items() if is_chosen):
            raise ConfigError(f"[pairs -> {key}] your own teacher has no such setting: leave it out")

    @property
    def _has_painting_size(self) -> bool:
        # Stored configurations hold all keys, so the default is no choice of somebody.
        default: int = type(self.settings).model_fields["painting_size"].default
        return self.settings.painting_size != default

    def load(self) -> list[Stylizer]:
        """Load the teachers, one for each style.

        Raises:
            ConfigError: See `check`.
            ImageError: If a painting cannot be read.
            ArtifactError: If a network or program is missing, or is not the expected one.
            MissingExtraError: If a package is not installed.
        """
        self.check()
        teachers = self._load()
        if not self.settings.preserve_color:
            return list(teachers)
        require("pairs", "cv2")
        from pix2style.teachers.color import PreserveColor

        return [PreserveColor(teacher) for teacher in teachers]

    def _load(self) -> Sequence[Stylizer]:
        if self.custom is not None:
            return self.custom.load()
        module = import_teacher(find_teacher(self.settings.teacher))
        return module.load_for_pairs(self.settings, style_blends(self.settings))
