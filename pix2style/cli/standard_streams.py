"""Refuse `-` as the output of a command: no command writes its results to standard output."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pix2style.errors import ConfigError


def refuse_standard_output(arguments: Sequence[str]) -> None:
    """Check that no argument names standard output, so that no file or folder called `-` is made.

    Raises:
        ConfigError: The value of `-o` or `--out` is `-`.
    """
    for option, value in pairwise([*arguments, ""]):
        if (option in ("-o", "--out") and value == "-") or option in ("-o-", "-o=-", "--out=-"):
            raise ConfigError("--out -: writing to standard output is not possible: name a file or a folder")
