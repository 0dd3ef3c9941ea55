"""The size limits of the package's files and functions, which CONTRIBUTING.md explains."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pix2style

_PACKAGE = Path(pix2style.__file__).parent
_FILES = sorted(_PACKAGE.rglob("*.py"))
_MAX_FILE_LINES = 300
_MAX_FUNCTION_LINES = 82
_MAX_MEDIAN_LINES = 7


def _function_lines() -> dict[str, int]:
    """Return the number of lines of each function, with its docstring and without its decorators, by its place."""
    return {
        f"{file.relative_to(_PACKAGE)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file in _FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_files_are_short() -> None:
    lines = {str(file.relative_to(_PACKAGE)): len(file.read_text(encoding="utf-8").splitlines()) for file in _FILES}
    assert {name: count for name, count in lines.items() if count > _MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    lines = _function_lines()
    assert {name: count for name, count in lines.items() if count > _MAX_FUNCTION_LINES} == {}
    assert statistics.median(lines.values()) <= _MAX_MEDIAN_LINES
