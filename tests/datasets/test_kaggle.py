"""Download with the real kagglehub, from a local imitation of Kaggle's server or without any network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pix2style.datasets.card import COCO_WIKIART
from pix2style.datasets.kaggle import fetch_dataset, find_fetched
from pix2style.errors import ConfigError, DataError

from stand_in import Site, tar_of, zip_of  # isort: skip

CARD = {"DATASET.md", "dataset.json"}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_newest_version_comes_with_its_card_and_nothing_else(
    site: Site, dataset: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "data" / "raw" / "coco"
    before = dict(os.environ)
    fetched = fetch_dataset(COCO_WIKIART, out)
    assert dict(os.environ) == before | {"TQDM_DISABLE": "1"}
    assert names(tmp_path) == {f"data/raw/coco/{name}" for name in CARD | dataset.keys()}
    assert all((out / name).read_bytes() == data for name, data in dataset.items())
    card = json.loads((out / "dataset.json").read_text())
    assert card["source"]["version"] == 2
    assert card["source"]["url"] == f"https://www.kaggle.com/datasets/{COCO_WIKIART}/versions/2"
    assert (card["found"]["pictures"], card["found"]["content"], card["found"]["style"]) == (17, ["content"], ["style"])
    text = (out / "DATASET.md").read_text()
    for words in ("Flickr licence", "WikiArt: for non-commercial research only", "version 2", "17 pictures"):
        assert words in text
    assert fetched.scan is not None
    assert site.asked == ["GetDataset", "DownloadDataset", "GET"]


def test_an_empty_folder_that_cannot_be_replaced(site: Site, dataset: dict[str, bytes], tmp_path: Path) -> None:
    """A link, whose folder gets the dataset."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk")
    fetch_dataset(COCO_WIKIART, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "disk") == CARD | dataset.keys()
    assert not (tmp_path / ".out.download").exists()
    assert fetch_dataset(COCO_WIKIART, tmp_path / "out").already_fetched


def test_a_mounted_folder(site: Site, dataset: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "out")]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
        assert names(tmp_path / "out") == CARD | dataset.keys()
        assert not (tmp_path / ".out.download").exists()
    finally:
        subprocess.run(["umount", str(tmp_path / "out")], check=True)


def test_a_pinned_version(site: Site, tmp_path: Path) -> None:
    fetch_dataset(COCO_WIKIART, tmp_path / "out", version=1)
    assert names(tmp_path / "out") == CARD | {"content/old.jpg"}
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["source"]["version"] == 1
    with pytest.raises(DataError, match=r"holds kaggle:shaorrran/.*, version 1: choose another folder"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out", version=2)


def test_a_broken_off_download_goes_on_where_it_was(site: Site, dataset: dict[str, bytes], tmp_path: Path) -> None:
    site.cut_after = 2_500_000
    with pytest.raises(
        DataError, match=r"The part that has arrived is kept in .*: run the same command again to continue"
    ):
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    site.asked.clear()
    fetch_dataset(COCO_WIKIART, tmp_path / "out")
    kept = int(site.asked[-1].removeprefix("GET bytes=").rstrip("-"))
    assert 1_000_000 < kept <= 2_500_000  # kagglehub writes mebibyte after mebibyte
    assert names(tmp_path) == {f"out/{name}" for name in CARD | dataset.keys()}


def test_what_is_there_is_left_alone_without_asking_anybody(site: Site, tmp_path: Path) -> None:
    fetch_dataset(COCO_WIKIART, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    site.asked.clear()
    assert fetch_dataset(COCO_WIKIART, tmp_path / "out").already_fetched
    assert fetch_dataset(COCO_WIKIART, tmp_path / "out", version=2).already_fetched
    assert site.asked == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


@pytest.mark.parametrize("version", [None, 7])
@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusals_are_one_message_and_leave_nothing(
    site: Site, tmp_path: Path, status: int, version: int | None
) -> None:
    site.status = status
    with pytest.raises(DataError, match=rf"cannot be downloaded \(.*{status}.*Nothing was written.*KAGGLE_API_TOKEN"):
        fetch_dataset(COCO_WIKIART, tmp_path / "data" / "out", version=version)
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_is_not_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="404"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out", version=99)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [None, 2])
def test_no_network_at_all(tmp_path: Path, version: int | None) -> None:
    """Use a separate process with the real address and a proxy that does not exist."""
    code = (
        "import sys; from pathlib import Path; from pix2style.datasets.kaggle import fetch_dataset\n"
        f"fetch_dataset('{COCO_WIKIART}', Path(sys.argv[1]), version={version})"
    )
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a" / "b")],
        env={**os.environ, **nowhere, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "DataError" in done.stderr
    assert "cannot be downloaded (no connection to Kaggle). Nothing was written." in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_damaged_archives_leave_nothing(site: Site, tmp_path: Path) -> None:
    site.wrong_md5 = True
    with pytest.raises(DataError, match=r"MD5.*Nothing was written"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
    site.wrong_md5, site.archives[2] = False, b"this is no archive" * 100
    with pytest.raises(DataError, match="Unsupported archive"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    site.archives[2] = zip_of({"a.jpg": b"1" * 2000})
    fetch_dataset(COCO_WIKIART, tmp_path / "out")


def test_a_dataset_without_pictures(site: Site, tmp_path: Path) -> None:
    site.archives[2] = zip_of({"list.csv": b"1,2"})
    with pytest.raises(DataError, match="no images in its 1 file:"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_members_of_an_archive_cannot_leave_the_folder(site: Site, tmp_path: Path, dataset: dict[str, bytes]) -> None:
    absolute = str(tmp_path / "absolute.jpg")
    photo = dataset["content/000.jpg"]
    bad = {f"{'../' * 12}{tmp_path.as_posix()[1:]}/outside.jpg": photo, "../up.jpg": photo, absolute: photo}
    site.archives[2] = zip_of({"content/a.jpg": photo, **bad})
    fetch_dataset(COCO_WIKIART, tmp_path / "out")
    assert all(name.startswith("out/") for name in names(tmp_path))  # zipfile takes the escape out of the names
    for files, links in (({"../up.jpg": photo}, {}), ({}, {"content": str(tmp_path)}), ({}, {"content": "../.."})):
        site.archives[2] = tar_of({"a.jpg": photo, **files}, links)
        with pytest.raises(DataError, match=r"outside|absolute path"):
            fetch_dataset(COCO_WIKIART, tmp_path / "tar")
        assert not (tmp_path / "tar").exists()
        assert not any(path.name in {"up.jpg", "outside.jpg", "absolute.jpg"} for path in tmp_path.iterdir())


def test_folders_that_hold_something_else(site: Site, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="thesis: holds other files"):
        fetch_dataset(COCO_WIKIART, tmp_path / "thesis")
    with pytest.raises(DataError, match=r"thesis\.tex: is a file"):
        fetch_dataset(COCO_WIKIART, tmp_path / "thesis" / "thesis.tex")
    (tmp_path / "empty").mkdir()
    fetch_dataset(COCO_WIKIART, tmp_path / "empty")
    with pytest.raises(DataError, match=r"empty: holds kaggle:shaorrran"):
        fetch_dataset("owner/other", tmp_path / "empty")


@pytest.mark.parametrize("handle", ["one", "a/b/c", "../../etc", "a/b/versions/3", "owner/na me", ""])
def test_handles(handle: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="owner/name"):
        find_fetched(handle, tmp_path / "out", version=None)


def test_versions_begin_at_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="versions begin at 1"):
        find_fetched("a/b", tmp_path / "out", version=0)


def test_two_at_once_do_not_disturb_each_other(site: Site, tmp_path: Path) -> None:
    from pix2style.files import locked

    (tmp_path / ".out.download").mkdir()
    with locked(tmp_path / ".out.download", DataError("not free")), pytest.raises(DataError, match="another pix2style"):
        fetch_dataset(COCO_WIKIART, tmp_path / "out")
    fetch_dataset(COCO_WIKIART, tmp_path / "out")
