"""A Python function as a teacher."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pix2style.errors import ArtifactError, ConfigError, PhotoError, Pix2StyleError
from pix2style.files import sha256_bytes
from pix2style.home_paths import expand_home
from pix2style.images import Image8
from pix2style.plural import counted
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teachers.custom.identity import identify, shorten_message


class FunctionTeacher(Stylizer):
    """A Python function that stylizes photos; see `load_custom`.

    Args:
        text: `module:function` or `path/to/file.py:function`.
        files: Files and folders that the function reads.
        licence: Licence of the teacher.

    Raises:
        ConfigError: If `text` has another form.
        ArtifactError: If module or function is missing or cannot be loaded.
    """

    def __init__(self, text: str, *, files: Sequence[Path], licence: str) -> None:
        self._arguments = text, tuple(files), licence
        self._text = text
        module_name, colon, function_name = text.rpartition(":")
        if not (colon and module_name and function_name):
            raise ConfigError(
                f"teacher {text!r}: is neither module:function, nor path/to/file.py:function, nor a command with"
                " {input} and {output}"
            )
        is_file = module_name.endswith(".py")
        module = _import_file(text, Path(expand_home(module_name))) if is_file else _import_module(text, module_name)
        self._function = _find_function(text, module, function_name)
        name = f"{Path(module_name).name}:{function_name}" if is_file else text
        self._identity = identify(name, text, _source_files(self._function, module), files, licence)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was asked for: the process that loads the pickle imports the function itself."""
        return _load_again, self._arguments

    @property
    def identity(self) -> StylizerIdentity:
        """Digest of the text, the function's source file and the files that the user named."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`.

        Raises:
            PhotoError: If the function raised an exception.
            ArtifactError: If it returned anything else than images of the photos' sizes.
        """
        # Inputs and outputs are copied: a function may change its input in place, or return the same array every time.
        if not getattr(self._function, "batched", False):
            return [self._check_output(image, self._call(np.array(image))) for image in images]
        outputs = self._call([np.array(image) for image in images])
        if not isinstance(outputs, list | tuple | np.ndarray) or len(outputs) != len(images):
            actual = f"{len(outputs)}" if isinstance(outputs, list | tuple | np.ndarray) else type(outputs).__name__
            raise ArtifactError(
                f"teacher {self._text!r}: returned {actual} for a list of {counted(len(images), 'photo')}: a"
                " batched function must"
                " return a list with one image per photo"
            )
        return [self._check_output(image, output) for image, output in zip(images, outputs, strict=True)]

    def _call(self, argument: Any) -> Any:
        try:
            return self._function(argument)
        except Pix2StyleError:
            raise
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise PhotoError(f"the teacher raised {type(error).__name__}: {shorten_message(error)}") from error

    def _check_output(self, photo: Image8, output: object) -> Image8:
        """Return a copy of `output` if it is an image of the photo's size.

        Raises:
            ArtifactError: If it is not.
        """
        if isinstance(output, np.ndarray) and output.dtype == np.uint8 and output.shape == photo.shape:
            return np.array(output)
        actual = f"{output.dtype} {list(output.shape)}" if isinstance(output, np.ndarray) else type(output).__name__
        height, width = photo.shape[:2]
        raise ArtifactError(
            f"teacher {self._text!r}: returned {actual} for a photo of {width}x{height} px: the function must return a"
            f" numpy array, uint8 [{height}, {width}, 3]"
        )


def _load_again(text: str, files: tuple[Path, ...], licence: str) -> FunctionTeacher:
    return FunctionTeacher(text, files=files, licence=licence)


def _import_module(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only if this module or a package that contains it is missing, and not one that it imports.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ArtifactError(
                f"teacher {text!r}: there is no module {error.name!r}: install it, or give its file"
                " (path/to/file.py:function)"
            ) from error
        raise _not_loadable(text, error) from error
    except (Exception, SystemExit) as error:  # importing runs the user's code, which may raise anything
        raise _not_loadable(text, error) from error


def _import_file(text: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ArtifactError(f"teacher {text!r}: {path}: no such file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # for imports beside the file, as in a script; at the end, so that it hides no package
    name = f"pix2style_custom_{sha256_bytes(str(path.resolve()).encode())[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArtifactError(f"teacher {text!r}: {path}: cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, because dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # importing runs the user's code, which may raise anything
        del sys.modules[name]
        raise _not_loadable(text, error) from error
    return module


def _not_loadable(text: str, error: BaseException) -> ArtifactError:
    return ArtifactError(f"teacher {text!r}: cannot be loaded: {type(error).__name__}: {shorten_message(error)}")


def _find_function(text: str, module: ModuleType, name: str) -> Callable[..., Any]:
    try:
        function: Any = reduce(getattr, name.split("."), module)
    except AttributeError as error:
        raise ArtifactError(
            f"teacher {text!r}: there is no {name!r} in {module.__file__ or module.__name__}"
        ) from error
    if not callable(function):
        raise ArtifactError(f"teacher {text!r}: {name!r} is a {type(function).__name__}, not a function")
    checked: Callable[..., Any] = function
    return checked


def _source_files(function: Callable[..., Any], module: ModuleType) -> list[Path]:
    """Return the source files of the function and of the module that names it.

    They are mostly the same file. A built-in function has none.
    """
    files = {module.__file__}
    try:
        files.add(inspect.getsourcefile(inspect.unwrap(function)))
    except TypeError:  # an object with __call__, or a built-in function
        files.add(getattr(sys.modules.get(type(function).__module__), "__file__", None))
    return sorted(path.resolve() for path in {Path(file) for file in files if file} if path.is_file())
