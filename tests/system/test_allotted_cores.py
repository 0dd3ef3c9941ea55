"""The cores that a container or a service may use, by files as Linux has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.system import cores


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/system.slice/x.service\n", {"system.slice/x.service/cpu.max": "400000 100000"}, 4),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "200000", "cpu/x/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("nonsense", {"cpu.max": "100000 0"}, None),
        ("0::/../../etc\n", {}, None),
        ("", {}, None),
    ],
)
def test_allotted_cores(
    groups: str, files: dict[str, str], expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    (tmp_path / "groups").write_text(groups)
    monkeypatch.setattr(cores, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(cores, "_ROOT", tmp_path / "root")
    assert cores.allotted_cores() == expected
    monkeypatch.setattr(cores, "_GROUPS", tmp_path / "missing")
    assert cores.allotted_cores() in (expected, None)
