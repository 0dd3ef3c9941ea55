"""Find the checkpoint that a run resumes from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.progress import print_note
from pix2style.runs.folder import CheckpointMeta, checkpoint_names, verify_checkpoint


@dataclasses.dataclass(frozen=True, slots=True)
class IntactCheckpoint:
    """A checkpoint whose files all have the digests that they were written with.

    Attributes:
        folder: Folder of the checkpoint.
        meta: Content of its `meta.json`.
        damaged: Names of newer checkpoints that are damaged.
    """

    folder: Path
    meta: CheckpointMeta
    damaged: tuple[str, ...]


def has_checkpoints(run: Path) -> bool:
    """Whether the run folder holds a checkpoint, intact or damaged."""
    return bool(checkpoint_names(run / "checkpoints"))


def find_newest_intact_checkpoint(run: Path) -> IntactCheckpoint | None:
    """Find the checkpoint to resume from.

    Damaged checkpoints that are newer are renamed to `step-....damaged`, and a note is printed for each.

    Args:
        run: Run folder.

    Returns:
        None if the run has no checkpoint yet.

    Raises:
        ArtifactError: All checkpoints are damaged; the message says what is wrong with the newest one.
    """
    folder, damaged = run / "checkpoints", list[str]()
    newest_error: ArtifactError | None = None
    for name in reversed(checkpoint_names(folder)):
        try:
            meta = verify_checkpoint(folder / name)
        except ArtifactError as error:
            newest_error = newest_error or error
            damaged.append(name)
            print_note(f"{error}: going back to the checkpoint before it")
            continue
        _rename_damaged(folder, damaged)
        return IntactCheckpoint(folder / name, meta, tuple(damaged))
    if newest_error is not None:
        # Nothing is renamed in this case, so that the same message appears each time.
        raise ArtifactError(
            f"{newest_error} No checkpoint of {run} is intact: begin a new run, in another --out"
        ) from newest_error
    return None


def _rename_damaged(folder: Path, names: list[str]) -> None:
    for name in names:
        target = folder / f"{name}.damaged"
        if not target.exists():
            (folder / name).rename(target)
