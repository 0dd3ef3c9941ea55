"""Before the first step: the run folder, and what would go wrong later."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pix2style.config import Config
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.files import locked, write_json
from pix2style.runs.folder import PAINTED_FOLDER, RUN_VERSION, CheckpointMeta, RunFolder
from pix2style.version import __version__

# What may differ when a run goes on: nothing that changes what is learned from the pictures still to come,
# but for a longer or shorter training.
_MAY_CHANGE = {
    "train": {
        "images",
        "start_from",
        "accumulate",
        "device",
        "workers",
        "compile",
        "decoded_cache_gb",
        "log_every",
        "validate_every_images",
        "validate_photos",
        "grid_photos",
        "checkpoint_every_images",
        "keep_last",
        "keep_best",
        "pairs_on_device_gb",
        "cuda_graphs",
        "early_stop",
        "skips_in_a_row",
    },
    "pairs": {"path"},
    "distill": {"painted"},
    "tracking": None,
    "export": None,
    "eval": None,
}


def check_run_folder(path: Path, config: Config, *, resume: bool) -> None:
    """Refuse a folder that cannot be begun or gone on with; writes nothing.

    Raises:
        ConfigError: there is a run already and `resume` was not asked for, or the configuration differs from the
            run's in more than how long and how fast it trains; names the keys.
        ArtifactError: there is no run to resume.
    """
    there = (path / "config.json").is_file()
    if resume and not there:
        raise ArtifactError(f"{path}: there is no run to resume: leave out --resume to begin it")
    if there and not resume:
        raise ConfigError(f"{path}: holds a run already: add --resume to go on with it, or name another --out")
    if not there and path.exists() and not _is_free(path):
        raise ConfigError(f"{path}: exists and is no run folder: name another --out")
    if there:
        _check_same(RunFolder(path), config)


@contextmanager
def lock_run_folder(path: Path) -> Iterator[None]:
    """Make the run folder and hold it for this process.

    Raises:
        ConfigError: it cannot be made, or another process trains there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made a folder ({error.strerror}): name another --out") from error
    with locked(path, ConfigError(f"{path}: another process is training there: wait for it, or name another --out")):
        yield


def create_run(path: Path, config: Config, documents: Mapping[str, Any] | None = None) -> RunFolder:
    """Write the resolved configuration: from here on the folder is a run.

    Args:
        path: the run folder.
        config: the experiment.
        documents: what else is known of it: JSON files to be written, by their names.

    Raises:
        ConfigError: it cannot be written.
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
        write_json(path / "config.json", description)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}): name another --out") from error
    return RunFolder(path)


def _is_free(path: Path) -> bool:
    return path.is_dir() and all(one.name == PAINTED_FOLDER for one in path.iterdir())


def _check_same(run: RunFolder, config: Config) -> None:
    differing = _differences(run.config.model_dump(mode="json"), config.model_dump(mode="json"), "")
    free = {section for section, keys in _MAY_CHANGE.items() if keys is None}
    changed = [
        f"{key} was {old!r}, is now {new!r}"
        for key, old, new in differing
        if key.split(".")[0] not in free
        and ".".join(key.split(".")[1:2]) not in (_MAY_CHANGE.get(key.split(".")[0]) or ())
    ]
    if changed:
        raise ConfigError(f"{run.path}: cannot go on with another experiment: {'; '.join(changed)}")


def check_same_training_data(run: Path, meta: CheckpointMeta, digest: str) -> None:
    """Refuse to go on with pictures that the run did not begin with.

    Raises:
        DataError: with both digests.
    """
    if meta.pairs_sha256 != digest:
        raise DataError(
            f"{run}: was trained on other pictures ({meta.pairs_sha256[:12]}) than these ({digest[:12]}):"
            " name the first ones with --pairs, or begin a new run"
        )


def _differences(old: Any, new: Any, prefix: str) -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [
            d for key in keys for d in _differences(old.get(key), new.get(key), f"{prefix}.{key}" if prefix else key)
        ]
    return [] if old == new else [(prefix, old, new)]


def git_revision() -> str | None:
    """The commit that the package's source lies in, with `+changes` if it was altered; None outside of git."""
    here = Path(__file__).parent
    try:
        run = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"]
        done = subprocess.run(run, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
