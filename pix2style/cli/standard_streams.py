"""Standard streams: none is missing, and none is the output of a command, as `-` would ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from pix2style.errors import ConfigError


def open_missing_streams() -> None:
    """Open the null device in place of standard streams that were closed (`2>&-`).

    Otherwise the next file that is opened would get the number of the stream, and C libraries would write into it.
    """
    for number in range(3):
        if not _is_usable(number):
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)  # also if both are equal, which they are if the number is free
            os.set_inheritable(number, True)
            if null != number:
                os.close(null)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the program ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _is_usable(number: int) -> bool:
    try:
        os.fstat(number)
        if number:
            os.write(number, b"")  # fails where another file that is open for reading got the number
    except OSError:
        return False
    return True


def refuse_standard_output(arguments: Sequence[str]) -> None:
    """Check that no argument names standard output, so that no file or folder called `-` is made.

    Raises:
        ConfigError: The value of `-o` or `--out` is `-`.
    """
    for option, value in pairwise([*arguments, ""]):
        if (option in ("-o", "--out") and value == "-") or option in ("-o-", "-o=-", "--out=-"):
            raise ConfigError("--out -: writing to standard output is not possible: name a file or a folder")
