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
from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teachers.custom.identity import identify, short


class FunctionTeacher(Stylizer):
    """See `load_custom`.

    Args:
        text: `module:function` or `path/to/file.py:function`.
        files: what it reads.
        licence: of the teacher.

    Raises:
        ConfigError: `text` has another form.
        ArtifactError: module or function is missing or cannot be loaded.
    """

    def __init__(self, text: str, *, files: Sequence[Path], licence: str) -> None:
        self._text = text
        place, colon, name = text.rpartition(":")
        if not (colon and place and name):
            raise ConfigError(
                f"teacher {text!r}: is neither module:function, nor path/to/file.py:function, nor a command with"
                " {input} and {output}"
            )
        is_file = place.endswith(".py")
        module = _load_file(text, Path(place)) if is_file else _import(text, place)
        self._function = _find(text, module, name)
        shown = f"{Path(place).name}:{name}" if is_file else text
        self._identity = identify(shown, text, _sources(self._function, module), files, licence)

    @property
    def identity(self) -> StylizerIdentity:
        """Digest over the text, the function's source file and the files that the user named."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`.

        Raises:
            PhotoError: the function raised an exception.
            ArtifactError: it returned something else than pictures of the photos' sizes.
        """
        # Copies, as a function may paint into what it is given, and may give the same buffer every time.
        if not getattr(self._function, "batched", False):
            return [self._checked(image, self._call(np.array(image))) for image in images]
        painted = self._call([np.array(image) for image in images])
        if not isinstance(painted, list | tuple | np.ndarray) or len(painted) != len(images):
            given = f"{len(painted)}" if isinstance(painted, list | tuple | np.ndarray) else type(painted).__name__
            raise ArtifactError(
                f"teacher {self._text!r}: gave {given} for a list of {len(images)} photos: a batched function returns a"
                " list of as many pictures"
            )
        return [self._checked(image, one) for image, one in zip(images, painted, strict=True)]

    def _call(self, given: Any) -> Any:
        try:
            return self._function(given)
        except Pix2StyleError:
            raise
        except (Exception, SystemExit) as error:  # whatever the user's code makes of this photo
            raise PhotoError(f"the teacher raised {type(error).__name__}: {short(error)}") from error

    def _checked(self, photo: Image8, painted: object) -> Image8:
        """A copy of `painted`, if it is a picture of the photo's size."""
        if isinstance(painted, np.ndarray) and painted.dtype == np.uint8 and painted.shape == photo.shape:
            return np.array(painted)
        what = f"{painted.dtype} {list(painted.shape)}" if isinstance(painted, np.ndarray) else type(painted).__name__
        height, width = photo.shape[:2]
        raise ArtifactError(
            f"teacher {self._text!r}: gave {what} for a photo of {width}x{height} px: the function must return a numpy"
            f" array, uint8 [{height}, {width}, 3]"
        )


def _import(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ArtifactError(
                f"teacher {text!r}: there is no module {error.name!r}: install it, or give its file"
                " (path/to/file.py:function)"
            ) from error
        raise _not_loadable(text, error) from error
    except (Exception, SystemExit) as error:  # a module may do anything when it is imported
        raise _not_loadable(text, error) from error


def _load_file(text: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ArtifactError(f"teacher {text!r}: {path}: no such file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # as for a script, but behind everything else, so that it hides nothing
    name = f"pix2style_custom_{sha256_bytes(str(path.resolve()).encode())[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArtifactError(f"teacher {text!r}: {path}: cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a module may do anything when it is imported
        del sys.modules[name]
        raise _not_loadable(text, error) from error
    return module


def _not_loadable(text: str, error: BaseException) -> ArtifactError:
    return ArtifactError(f"teacher {text!r}: cannot be loaded: {type(error).__name__}: {short(error)}")


def _find(text: str, module: ModuleType, name: str) -> Callable[..., Any]:
    try:
        function: Any = reduce(getattr, name.split("."), module)
    except AttributeError as error:
        raise ArtifactError(
            f"teacher {text!r}: there is no {name!r} in {module.__file__ or module.__name__}"
        ) from error
    if not callable(function):
        raise ArtifactError(f"teacher {text!r}: {name!r} is a {type(function).__name__}, not a function")
    found: Callable[..., Any] = function
    return found


def _sources(function: Callable[..., Any], module: ModuleType) -> list[Path]:
    """The files of the function and of the module it was asked from (often the same; none for a built-in one)."""
    files = {module.__file__}
    try:
        files.add(inspect.getsourcefile(inspect.unwrap(function)))
    except TypeError:  # an object that can be called, or a built-in function
        files.add(getattr(sys.modules.get(type(function).__module__), "__file__", None))
    return sorted(path.resolve() for path in {Path(file) for file in files if file} if path.is_file())
