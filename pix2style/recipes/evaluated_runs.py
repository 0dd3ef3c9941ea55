"""The runs among the stylizers of an evaluation, and the photos that each of them was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pix2style.config import Config
from pix2style.loading import run_folder
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder

if TYPE_CHECKING:
    from pix2style.pairs.format.reader import PairReader


def find_runs(sources: Sequence[str]) -> dict[str, RunFolder]:
    """Return the runs among stylizers by the texts that name them; none of them is a blend.

    Raises:
        ArtifactError: The configuration of a run cannot be read.
    """
    folders = {source: run_folder(source) for source in sources}
    return {source: RunFolder(folder) for source, folder in folders.items() if folder is not None}


def held_out_shares(config: Config, runs: Mapping[str, RunFolder]) -> tuple[float, float]:
    """Return the shares of the validation and the test split, by which plain folders of pairs are divided.

    With other shares than a run had, photos of its training could be in the test split. So they are those of the first
    run, unless the configuration names them.
    """
    is_named = not config.pairs.model_fields_set.isdisjoint(("val_share", "test_share"))
    first = next(iter(runs.values()), None)
    pairs = config.pairs if is_named or first is None else first.config.pairs
    return pairs.val_share, pairs.test_share


def notes_on_training(runs: Mapping[str, RunFolder], reader: PairReader) -> list[str]:
    """Name the runs that were trained on other pairs than those of a reader, or on another division of them.

    Raises:
        ArtifactError: The description of a checkpoint cannot be read.
    """
    notes = []
    for source, run in runs.items():
        # Their digests are not those of a pair set alone.
        if run.config.distill.painted is not None or run.config.train.unpaired or not run.checkpoints:
            continue
        trained_on = CheckpointMeta.read(run.checkpoint("latest") / META_FILE).pairs_sha256
        if trained_on != reader.digest:
            notes.append(
                f"{source} was trained on other pairs than {reader.folder}, or on another division of them into splits:"
                " photos of its training may be among those that it is measured on"
            )
    return notes
