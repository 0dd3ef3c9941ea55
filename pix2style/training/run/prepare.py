"""Prepare the run folder before the first step, and refuse what could not be trained or resumed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pix2style.config import Config, apply_overrides
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.files import locked, write_json
from pix2style.folders import is_left_by_a_file_manager
from pix2style.runs.folder import PAINTED_FOLDER, RUN_VERSION, CheckpointMeta, RunFolder
from pix2style.training.step.device import compute_dtype, pick_device
from pix2style.version import __version__

# Section -> keys that a resumed run may change; None allows all keys of the section. They are the keys that do not
# change what the network learns from the images still to come, and those that make the training longer or shorter.
_CHANGEABLE_KEYS: Mapping[str, set[str] | None] = {
    "train": {
        "images",
        "minutes",
        "accumulate",
        "device",
        "workers",
        "compile",
        "decoded_cache_gb",
        "log_every",
        "validate_every_images",
        "validate_photos",
        "grid_photos",
        "preview",
        "checkpoint_every_images",
        "keep_last",
        "keep_best",
        "pairs_on_device_gb",
        "cuda_graphs",
        "early_stop",
        "skips_in_a_row",
    },
    "model": {"start_from"},
    "pairs": {"path"},
    "distill": {"painted"},
    "tracking": None,
    "export": None,
    "eval": None,
}

_WRITTEN_BEFORE = re.compile(r"(features|start|budget)\.json|\.(features|start|budget|config)\.json\..*\.partial")


def check_run_folder(path: Path, config: Config, *, resume: bool) -> None:
    """Refuse a folder in which the run cannot begin or resume. Nothing is written.

    Args:
        path: Run folder.
        config: Configuration of the experiment.
        resume: Whether to resume the run in the folder.

    Raises:
        ConfigError: The folder holds a run and `resume` is false, or other files, or a run with another configuration;
            the message names the keys that differ.
        ArtifactError: `resume` is true and the folder holds no run.
    """
    is_run = (path / "config.json").is_file()
    if resume and not is_run:
        raise ArtifactError(f"{path}: there is no run to resume: leave out --resume to begin it")
    if is_run and not resume:
        raise ConfigError(f"{path}: holds a run already: add --resume to go on with it, or name another --out")
    if not is_run and path.exists() and not _is_unused(path):
        raise ConfigError(f"{path}: exists and is no run folder: name another --out")
    if is_run:
        _check_same_experiment(RunFolder(path), config)


def with_precision_of_run(path: Path, config: Config) -> Config:
    """Return the configuration that a resumed run goes on with: for `train.precision` auto, the run's own precision.

    The run may have begun on another machine, or with another version of a shipped configuration.

    Args:
        path: Run folder; without a run in it, the configuration is returned as it is.
        config: Configuration that the run shall be resumed with.
    """
    if config.train.precision != "auto" or not (path / "config.json").is_file():
        return config
    return apply_overrides(config, [f"train.precision={RunFolder(path).config.train.precision}"])


@contextmanager
def lock_run_folder(path: Path) -> Iterator[None]:
    """Make the run folder, and lock it for this process while in the block.

    Raises:
        ConfigError: The folder cannot be made, or another process trains in it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made a folder ({error.strerror}): name another --out") from error
    with locked(path, ConfigError(f"{path}: another process is training there: wait for it, or name another --out")):
        yield


def create_run(path: Path, config: Config, documents: Mapping[str, Any] | None = None) -> RunFolder:
    """Write `config.json`, which makes the folder a run folder.

    Args:
        path: Existing folder.
        config: Configuration of the experiment, with all defaults filled in.
        documents: File name -> JSON value of further files to write.

    Returns:
        The run folder.

    Raises:
        ConfigError: A file cannot be written.
    """
    description = {
        "schema_version": RUN_VERSION,
        "pix2style_version": __version__,
        "git_revision": git_revision(),
        "config": config.model_dump(mode="json"),
    }
    try:
        for name, value in (documents or {}).items():
            write_json(path / name, value)
        write_json(path / "config.json", description)  # last: a folder with a config.json counts as a run
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}): name another --out") from error
    return RunFolder(path)


def check_same_training_data(run: Path, meta: CheckpointMeta, digest: str) -> None:
    """Refuse to resume a run with other training data than it began with.

    Args:
        run: Run folder, for the message.
        meta: Description of the checkpoint to resume from.
        digest: Digest of the training data.

    Raises:
        DataError: The digests differ.
    """
    if meta.pairs_sha256 != digest:
        raise DataError(
            f"{run}: was trained on other pictures ({meta.pairs_sha256[:12]}) than these ({digest[:12]}):"
            " name the first ones with --pairs, or begin a new run. If the files are the same, their splits may differ:"
            " this version reads splits from the names of folders, so begin a new run"
        )


def git_revision() -> str | None:
    """Return the git commit of the package's source, with "+changes" if files differ from it; None outside of git."""
    file = Path(__file__)
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None  # installed within the folder of another project
    return _git(file.parent, "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.strip() or None


def _is_unused(path: Path) -> bool:
    """Whether it is a folder that holds nothing but what is written before `config.json`, by a process that was killed.

    That is the pair set of `distill`, the documents of `create_run`, and the temporary files of `write_json`.
    """
    return path.is_dir() and all(
        entry.name == PAINTED_FOLDER or _WRITTEN_BEFORE.fullmatch(entry.name) or is_left_by_a_file_manager(entry)
        for entry in path.iterdir()
    )


def _check_same_experiment(run: RunFolder, config: Config) -> None:
    old, new = run.config, with_precision_of_run(run.path, config)
    if old.train.precision == "auto":
        device = pick_device(new.train)
        if compute_dtype(old.train, device) == compute_dtype(new.train, device):
            new = apply_overrides(new, ["train.precision=auto"])  # the same on this machine
    differing = _differing_keys(old.model_dump(mode="json"), new.model_dump(mode="json"), "")
    changes = [f"{key} was {old!r}, is now {new!r}" for key, old, new in differing if not _is_changeable(key)]
    if changes:
        raise ConfigError(f"{run.path}: cannot be resumed with another configuration: {'; '.join(changes)}")


def _is_changeable(key: str) -> bool:
    section, _, rest = key.partition(".")
    keys = _CHANGEABLE_KEYS.get(section, set())
    # The place of the feature network's weights may change; `check_same_feature_weights` compares the weights.
    return keys is None or rest.split(".")[0] in keys or key == "losses.features.weights"


def _differing_keys(old: Any, new: Any, prefix: str) -> list[tuple[str, Any, Any]]:
    """Return dotted key, old value and new value of every difference between two nested dictionaries."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [(prefix, old, new)]
    differing = []
    for key in sorted(old.keys() | new.keys()):
        dotted = f"{prefix}.{key}" if prefix else key
        differing += _differing_keys(old.get(key), new.get(key), dotted)
    return differing
