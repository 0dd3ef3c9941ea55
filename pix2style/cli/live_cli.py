"""The command `pix2style live`."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pix2style.cli import live_options as opts
from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.infer_options import Steady
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError
from pix2style.plural import counted
from pix2style.printable import printable

if TYPE_CHECKING:
    from pix2style.live.controls import LiveState
    from pix2style.live.looks import Looks
    from pix2style.live.loop import LiveReport
    from pix2style.live.source import Source
    from pix2style.live.window import Window
    from pix2style.stylizer import Stylizer


@app.command("live")
def live_command(
    filters: opts.FiltersArgument,
    source: opts.SourceOption = "0",
    camera_size: opts.CameraSizeOption = "1280x720",
    max_side: opts.MaxSideOption = None,
    steady: opts.SteadyOption = Steady.lock,
    strength: opts.StrengthOption = 1.0,
    loop: opts.LoopOption = None,
    mirror: opts.MirrorOption = None,
    full_screen: opts.FullScreenOption = False,
    virtual_camera: opts.VirtualCameraOption = False,
    record: opts.RecordOption = False,
    out: opts.OutOption = Path(),
    frames: opts.FramesOption = None,
    no_window: opts.NoWindowOption = False,
    device: opts.DeviceOption = None,
    threads: opts.ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylize a camera or clip while it plays, in a window with a movable split between before and after.

    The key H lists all keys: filters, strength, snapshots, recordings and more. The camera is opened by this command
    only, and nothing is stored unless you ask for it. Needs the extra live.

    Ctrl-C, closing the window and Q end it; a recording is finished. Exit code 1: a snapshot or recording could not be
    written.
    """
    from pix2style.live.camera_output import VirtualCamera
    from pix2style.live.controls import LiveState
    from pix2style.live.loop import LiveOutputs, run_live
    from pix2style.live.source import open_source
    from pix2style.progress import print_note
    from pix2style.steady import SteadyMode

    looks = _load_looks(filters, device, threads)
    loops = loop if loop is not None else not no_window
    opened = open_source(source, size=_parse_size(camera_size), loops=loops, on_note=print_note)
    camera = VirtualCamera(opened.height_px, opened.width_px) if virtual_camera else None
    state = LiveState(
        looks=len(looks.names),
        strength=strength,
        steady=SteadyMode(steady.value),
        is_mirrored=opened.is_camera if mirror is None else mirror,
        is_full_screen=full_screen,
        is_recording=record,
    )
    window = _open_window(opened, looks, state, is_shown=not no_window)
    if no_window and not (record or virtual_camera or frames):
        print_note("frames go nowhere: add --record or --virtual-camera, or leave out --no-window")
    if camera is not None:
        print_note(f"virtual camera: choose {camera.device} in the other program")
    report = run_live(
        opened,
        looks,
        window,
        LiveOutputs(out, camera),
        state,
        side_px=max_side,
        max_frames=frames,
        on_message=print_note,
    )
    _print_report(report, as_json=as_json)
    if report.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _load_looks(filters: list[str], device: str | None, threads: int | None) -> Looks:
    """Load the filters, and return a look for each of them and for each style of those that hold several."""
    from pix2style import loading
    from pix2style.live.looks import Look, Looks
    from pix2style.progress import print_note
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    load_stylizer = partial(loading.load_stylizer, device=device, threads=threads)
    looks: list[Look] = []
    for text in filters:
        stylizer = load_stylizer(text)
        if stylizer.description:
            print_note(f"{text} is stylized by {stylizer.description}")
        name = Path(text).name.replace(".onnx", "") if isinstance(stylizer, OnnxStylizer) else stylizer.identity.name
        if isinstance(stylizer, OnnxStylizer) and stylizer.styles > 1 and "style" not in stylizer.identity.settings:
            for style in range(stylizer.styles):
                label = stylizer.spec.styles[style] if style < len(stylizer.spec.styles) else str(style)
                looks.append(Look(f"{name}: {label}", partial(load_stylizer, text, style=style)))
        else:
            looks.append(Look(name, partial(_loaded, stylizer)))
    return Looks(looks)


def _loaded(stylizer: Stylizer) -> Stylizer:
    return stylizer


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if match is None:
        raise ConfigError(f"--camera-size {text}: give width and height in pixels, for example 1280x720")
    return int(match[1]), int(match[2])


def _open_window(source: Source, looks: Looks, state: LiveState, *, is_shown: bool) -> Window:
    from pix2style.live.sdl_window import SdlWindow
    from pix2style.live.window import NoWindow

    title = f"pix2style live: {looks.names[state.look]}"
    return SdlWindow(title, source.height_px, source.width_px) if is_shown else NoWindow()


def _print_report(report: LiveReport, *, as_json: bool) -> None:
    if as_json:
        print(json_text(dataclasses.asdict(report), default=str))
        return
    parts = [f"{counted(report.frames, 'frame')} stylized"]
    if report.frames > 1:
        parts.append(
            f"{report.rate:.1f} frames/s at {report.width_px}x{report.height_px}, latency"
            f" {1000 * report.latency_s:.0f} ms"
        )
    if report.dropped:
        parts.append(f"{counted(report.dropped, 'frame')} left out, because newer ones had come")
    parts += [f"failed: {message}" for message in report.failures]
    parts += [f"written: {path}" for path in report.written]
    print(printable("; ".join(parts)))
