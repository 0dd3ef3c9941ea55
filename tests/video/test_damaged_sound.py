"""Sound that is damaged, unreadable, or goes back in time: what can be copied is copied, and the file is made."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

import av
from written import clip_frames, facts, packet_digests, packet_times_s, write, write_source

from pix2style.errors import ClipError, DataError
from pix2style.video import join
from pix2style.video.container import open_container
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

TIMES = [512 * i for i in range(30)]


class Interrupted:
    """A clip in which errors come between the packets: before the packet with a number, once each."""

    def __init__(self, original: Any, errors: dict[int, Exception]) -> None:
        self._original, self._errors, self._count = original, errors, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __enter__(self) -> Interrupted:
        return self

    def __exit__(self, *_: object) -> None:
        self._original.close()

    def demux(self, *streams: Any) -> Iterator[Any]:
        if self._count in self._errors:
            raise self._errors.pop(self._count)
        for packet in self._original.demux(*streams):
            yield packet
            self._count += 1
            if self._count in self._errors:
                raise self._errors.pop(self._count)


def _interrupt(monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception]) -> None:
    monkeypatch.setattr(join, "open_container", lambda path: Interrupted(open_container(path), dict(errors)))


def test_sound_behind_damaged_places_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_source(tmp_path / "in.mkv")
    errors = {number: av.error.InvalidDataError(errno.EINVAL, "Invalid data found") for number in (5, 9)}
    _interrupt(monkeypatch, errors)  # type: ignore[arg-type]
    assert write(facts(source), tmp_path / "out.mp4", clip_frames(TIMES)) == []
    assert packet_digests(tmp_path / "out.mp4") == packet_digests(source)


def test_sound_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a disk that fails: the output must not count as complete."""
    source = write_source(tmp_path / "in.mkv")
    _interrupt(monkeypatch, {5: av.error.OSError(errno.EIO, "Input/output error")})
    with pytest.raises(ClipError, match=r"in.mkv: cannot be read \(Input/output error\)"):
        write(facts(source), tmp_path / "out.mp4", clip_frames(TIMES))
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_sound_whose_times_go_back_a_little(tmp_path: Path, suffix: str) -> None:
    """A unit of transport streams is shorter than a sample, so that times may be different there and equal here."""
    with av.open(str(write_source(tmp_path / "in.ts", frames=25))) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    data = bytearray((tmp_path / "in.ts").read_bytes())
    for packet in packets[len(packets) // 2 :]:  # 60 ms earlier, three packets
        assert packet.pos is not None
        assert packet.pts is not None
        at = data.index(b"\0\0\1\xc0", packet.pos) + 9
        data[at : at + 5] = _stamp(bytes(data[at : at + 5]), -5400)
    (tmp_path / "in.ts").write_bytes(data)
    clip = read_facts(tmp_path / "in.ts")
    assert clip.restarts.positions == ()
    [found] = packet_times_s(clip.path)
    assert any(later < earlier for earlier, later in itertools.pairwise(found))
    notes = write(clip, tmp_path / f"out{suffix}", list(read_frames(clip)))
    assert notes == []
    [sound] = packet_times_s(tmp_path / f"out{suffix}")
    assert len(sound) == len(packets)
    assert all(later > earlier for earlier, later in itertools.pairwise(sound))


def _stamp(stamp: bytes, change: int) -> bytes:
    """Return the 5 bytes of a time in a PES packet (33 bits, and marks between them) with the time changed."""
    time = (stamp[0] >> 1 & 7) << 30 | (stamp[1] << 7 | stamp[2] >> 1) << 15 | (stamp[3] << 7 | stamp[4] >> 1)
    time = (time + change) % (1 << 33)
    head, middle, tail = time >> 30, time >> 15 & 0x7FFF, time & 0x7FFF
    return bytes((stamp[0] & 0xF1 | head << 1, middle >> 7, middle << 1 & 0xFF | 1, tail >> 7, tail << 1 & 0xFF | 1))


def test_sound_without_a_readable_header_is_left_out_and_said(tmp_path: Path) -> None:
    source = write_source(tmp_path / "in.ts")
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for packet in packets[20:22]:
        assert packet.pos is not None
        at = data.index(bytes(packet)[:16], packet.pos)
        data[at + 1] &= 0x0F  # a part of the mark with which each packet begins
    source.write_bytes(data)
    clip = read_facts(source)
    notes = write(clip, tmp_path / "out.mp4", list(read_frames(clip)))
    [sound] = packet_digests(tmp_path / "out.mp4")
    assert 0 < len(packets) - len(sound) <= 4
    assert not notes or "of its sound and subtitles cannot be read: left out" in notes[0]


def test_what_a_container_refuses_is_not_said_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: Any) -> Any:
        raise av.error.ArgumentError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(join, "copied_packets", refused)
    source = write_source(tmp_path / "in.mkv")
    with pytest.raises(DataError, match=r"cannot be written \(Invalid argument\): .* choose another suffix") as error:
        write(facts(source), tmp_path / "out.mp4", clip_frames(TIMES))
    assert "disk" not in str(error.value)
