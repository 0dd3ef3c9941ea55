"""Plain command lines of `infer` are read without Typer, to the same values; and starting imports little."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from pix2style.cli import program
from pix2style.cli.app import Application
from pix2style.cli.infer_cli import infer_command
from pix2style.cli.lazy_typer import annotation_for_typer
from pix2style.cli.option_groups import with_option_groups
from pix2style.cli.plain_arguments import NotPlainError, read_plain

PLAIN = [
    "f.onnx a.jpg -o out",
    "f.onnx a.jpg b.jpg folder --out out.jpg --overwrite --quiet",
    "-o x f.onnx a.jpg --strength 0.5 --style 0.5,0.5 --tile=512 -q",
    "great-wave a.jpg --out=o --format png --quality 80 --json",
    "f.onnx a.mp4 -o x.mp4 --steady full --start 1:30 --max-side 640 --crf 18 --codec av1 --timeline t.txt",
    "f.onnx a.jpg -o x --mask m.png --feather 3 --mask-invert --preserve-color --strength 1",
]
FOR_TYPER = [
    *("", "f.onnx", "f.onnx a.jpg", "--help", "f.onnx a.jpg -o x --help", "f.onnx a.jpg -o", "f.onnx a.jpg -o x -o y"),
    *("f.onnx a.jpg -o x --qualty 3", "f.onnx a.jpg -o x --quality 0", "f.onnx a.jpg -o x --quality 1e1"),
    *("f.onnx a.jpg -o x --strength -1", "f.onnx a.jpg -o x --format gif", "f.onnx a.jpg -o x --json=1"),
    *("f.onnx a.jpg -ox", "f.onnx a.jpg -o x -- b.jpg", "f.onnx a.jpg -o x --no-overwrite", "f.onnx - -o -"),
]


@pytest.mark.parametrize("line", PLAIN)
def test_values_are_those_of_typer(line: str) -> None:
    seen: list[dict[str, Any]] = []
    command, expected = read_plain(infer_command, line.split())

    def record(**values: Any) -> None:
        seen.append(values)

    record.__signature__ = command.__signature__  # type: ignore[attr-defined]
    record.__annotations__ = {name: annotation_for_typer(hint) for name, hint in command.__annotations__.items()}
    app = Application()
    app.command("infer")(record)
    result = typer.testing.CliRunner().invoke(app, line.split())
    assert result.exit_code == 0, result.output
    expected.pop("quiet")
    assert seen == [expected]
    assert {name: type(value) for name, value in seen[0].items()} == {n: type(value) for n, value in expected.items()}


@pytest.mark.parametrize("line", FOR_TYPER)
def test_everything_else_is_left_to_typer(line: str) -> None:
    with pytest.raises(NotPlainError):
        read_plain(infer_command, line.split())


def test_a_parameter_of_another_kind_is_left_to_typer() -> None:
    def command(name: str) -> None: ...

    with pytest.raises(NotPlainError):
        read_plain(with_option_groups(command), ["a"])


# Modules that `infer` needs for one JPEG file: more of them cost time at each start.
_UNNEEDED = (
    *(
        "typer",
        "rich",
        "pydantic",
        "click",
        "asyncio",
        "email",
        "tempfile",
        "difflib",
        "secrets",
        "numpy.random",
        "multiprocessing",
        "yaml",
        "cv2",
        "av",
    ),
    *("PIL.ImageFont", "PIL.ImageDraw", "PIL.WebPImagePlugin", "PIL.AvifImagePlugin", "PIL.PdfImagePlugin"),
    *("pix2style.steady", "pix2style.video.clip_settings", "pix2style.cli.app", "pix2style.cli.train_cli"),
)
_PROGRAM = """
import json, sys
sys.argv = ["pix2style", *json.loads(sys.argv[1])]
import onnxruntime
sessions, open_one = [], onnxruntime.InferenceSession
onnxruntime.InferenceSession = lambda *a, **k: sessions.append(1) or open_one(*a, **k)
from pix2style.cli import main
try:
    main()
except SystemExit as request:
    print("DONE", json.dumps([request.code, len(sessions), list(sys.modules)]))
"""


def test_one_photo_imports_little_and_opens_one_session(red_filter: Path, tmp_path: Path) -> None:
    photo = Path(sys.modules["pix2style"].__path__[0]) / "samples" / "photos" / "bison.jpg"
    arguments = json.dumps(["infer", str(red_filter), str(photo), "-o", str(tmp_path / "a.jpg")])
    done = subprocess.run([sys.executable, "-c", _PROGRAM, arguments], capture_output=True, text=True, check=True)
    code, sessions, modules = json.loads(done.stdout.partition("DONE")[2])
    assert (code, sessions, done.stderr) == (0, 1, "")
    assert [name for name in _UNNEEDED if name in modules] == []
    assert (tmp_path / "a.jpg").is_file()


def test_a_numpy_that_cannot_be_imported_leaves_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    docstrings = program._NUMPY_DOCSTRINGS
    for name in ("numpy", *docstrings):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)

    def fail(*_: Any) -> None:
        assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
        assert all(name in sys.modules for name in docstrings)
        raise ImportError("a library is missing")

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", fail)
        with pytest.raises(ImportError, match="a library is missing"):
            program._import_numpy_quickly()
    assert not any(name in sys.modules for name in docstrings)
    assert "OPENBLAS_NUM_THREADS" not in os.environ
