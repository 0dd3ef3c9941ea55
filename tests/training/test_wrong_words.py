"""Messages blame what is wrong, and advise what is possible."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pix2style.config import parse_config
from pix2style.errors import ConfigError, DataError
from pix2style.nets.vgg import find_weights
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.records import Failure
from pix2style.pairs.format.shards import explain_write_errors
from pix2style.training.autoencoder import read_pairs
from pix2style.training.data.crops import check_crop


@pytest.mark.parametrize(("side", "advice"), [(1, "crops have at least 32 px"), (40, "to at most 40")])
def test_the_advised_crop_is_allowed(side: int, advice: str) -> None:
    entry: Any = SimpleNamespace(height_px=side, width_px=300, source="a.png")
    with pytest.raises(ConfigError, match=rf"smallest pair, 300x{side} \(a\.png\): .*{advice}"):
        check_crop(parse_config({}).train.augment, [entry])


def test_no_pairs_for_training_is_said_as_such(tmp_path: Path) -> None:
    manifest = SimpleNamespace(pairs=SimpleNamespace(total=3))
    reader: Any = SimpleNamespace(entries=lambda _: [], manifest=manifest, folder=tmp_path)
    with pytest.raises(
        DataError, match=r"0 of 3 pairs fell into the split for training: give more photos, at least 10"
    ):
        read_pairs(reader, 10)


def test_a_teacher_that_fails_on_all_photos_is_blamed() -> None:
    reason = "the command ended with exit code 1"
    failures = [Failure(source=f"{name}.jpg", sha256="0" * 64, reason=reason, style=0) for name in "abc"]
    message = str(no_usable_photos_error(failures))
    assert message.startswith(
        "the teacher could not stylize any of the 3 photos: a.jpg: the command ended with exit code 1; b.jpg"
    )
    unreadable = Failure(source="d.jpg", sha256=None, reason="the file is empty")
    assert str(no_usable_photos_error([*failures, unreadable])).startswith("none of the 4 files can be used")


def test_pairs_are_kept_only_where_there_are_some(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "shards"
    for is_there in (False, True):
        if is_there:
            folder.mkdir(parents=True)
            (folder / "train-00000.tar").write_bytes(b"x")
        for path in (folder / "train-00001.tar.partial", tmp_path / "set"):
            with pytest.raises(DataError) as error, explain_write_errors(path):
                raise OSError(errno.ENOSPC, "No space left on device")
            assert ("Finished pairs are kept" in str(error.value)) == is_there
            assert str(error.value).startswith(f"{path}: cannot be written: No space left on device. ")


def test_a_download_is_not_announced_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = pytest.importorskip("torchvision").models

    def download(*_: object, **__: object) -> dict[str, object]:
        sys.stdout.write("Downloading: ...\n")
        raise OSError("no network")

    monkeypatch.setattr(models.VGG19_Weights, "get_state_dict", download)
    with pytest.raises(Exception, match="cannot be downloaded"):
        find_weights._read_torchvision("vgg19")
    print(json.dumps({}))
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == ({}, "Downloading: ...\n")
