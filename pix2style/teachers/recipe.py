"""From settings to the teachers they name, on any machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, require
from pix2style.stylizer import Stylizer
from pix2style.teachers.custom.recipe import CustomRecipe
from pix2style.teachers.style import StyleBlend


@dataclass(frozen=True, slots=True)
class TeacherRecipe:
    """Which teachers to load; small enough to travel to the machines of a cluster.

    Attributes:
        settings: the section `pairs`.
        custom: a user's own program or function, instead of the teacher that the settings name. It stands apart from
            them because nothing is ever started from a configuration.
    """

    settings: PairsConfig
    custom: CustomRecipe | None = None

    def check(self) -> None:
        """See whether teacher and paintings go together; loads nothing.

        Raises:
            ConfigError: names the key.
        """
        settings = self.settings
        given = settings.style is not None or bool(settings.styles)
        if self.custom is not None:
            if given:
                raise ConfigError(
                    "[pairs -> style] a teacher of one's own takes no painting from pix2style: write it into the"
                    " teacher's command or code, and name the file with --teacher-file"
                )
        elif settings.teacher == "watercolor" and given:
            raise ConfigError(
                "[pairs -> style] the watercolor teacher paints in its own style and takes no painting: use --teacher"
                " magenta, or leave out --style"
            )
        elif settings.teacher != "watercolor" and not given:
            raise ConfigError(f"[pairs -> style] the {settings.teacher} teacher needs a painting: add --style FILE")
        self._check_names()

    def load(self) -> list[Stylizer]:
        """The teachers, one for each style.

        Raises:
            ConfigError: see `check`.
            ImageError: a painting cannot be read.
            ArtifactError: a network or program is missing or is another one.
            MissingExtraError: an extra is not installed.
        """
        self.check()
        teachers = self._load()
        if not self.settings.preserve_color:
            return list(teachers)
        require("pairs", "cv2")
        from pix2style.teachers.color import KeepColor

        return [KeepColor(teacher) for teacher in teachers]

    def _load(self) -> Sequence[Stylizer]:
        settings = self.settings
        if self.custom is not None:
            return self.custom.load()
        if settings.teacher == "magenta":
            from pix2style.teachers.magenta import load_magenta

            # What a cluster or a batch system allots to a process.
            threads = os.environ.get("OMP_NUM_THREADS", "")
            own = int(threads) if threads.isascii() and threads.isdigit() and int(threads) else None
            return load_magenta(self.blends(), settings.module, settings.backend, threads=own)
        if settings.teacher == "gatys":
            require("train", "torch")
            from pix2style.teachers.gatys.recipe import GatysRecipe

            gatys = settings.gatys
            changes = {} if gatys.steps is None else {"steps": gatys.steps}
            return GatysRecipe(tuple(self.blends()), gatys.preset, changes, gatys.weights).load()
        require("pairs", "cv2")
        from pix2style.teachers.watercolor import WatercolorTeacher

        return [WatercolorTeacher()]

    def blends(self) -> list[StyleBlend]:
        """The styles, in the order of their ids."""
        if self.settings.style is not None:
            return [StyleBlend.of(self.settings.style)]
        return [
            StyleBlend(
                style.name or "+".join(painting.name for painting in style.paintings),
                style.paintings,
                style.weights or (1.0,) * len(style.paintings),
                style.strength,
            )
            for style in self.settings.styles
        ]

    def _check_names(self) -> None:
        names = [blend.name for blend in self.blends()]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"[pairs -> styles] two styles are called {name}: give them names of their own")
