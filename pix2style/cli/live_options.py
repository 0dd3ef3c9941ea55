"""Arguments and options of `live`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.common_options import complete_filter
from pix2style.cli.infer_options import Steady

FiltersArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILTER...",
        autocompletion=complete_filter,
        help="Names that `pix2style gallery` lists, filter files (.onnx; FILE@1 for its style 1, FILE for all its"
        " styles), or other stylizers, as for infer. The keys 1 to 9 and Tab choose among them.",
    ),
]
SourceOption = Annotated[
    str,
    typer.Option(
        "--source",
        "--camera",
        metavar="CAMERA|FILE",
        help="Number, name or path of a camera, a clip, or an address such as rtsp://HOST/PATH.",
    ),
]
CameraSizeOption = Annotated[str, typer.Option(metavar="WxH", help="Size of the frames that the camera is asked for.")]
MaxSideOption = Annotated[
    int | None,
    typer.Option(
        "--max-side",
        "--size",
        min=16,
        metavar="PX",
        help="Longer side at which frames are stylized, in pixels. Default: as large as 15 frames/s allow.",
    ),
]
SteadyOption = Annotated[Steady, typer.Option(help="How strokes are kept in place: off, lock, or full; see `infer`.")]
StrengthOption = Annotated[
    float, typer.Option(min=0, max=1, metavar="0..1", help="Strength of the style at the beginning.")
]
LoopOption = Annotated[
    bool | None,
    typer.Option("--loop/--once", help="Play a clip again and again, or once. Default: --loop in a window."),
]
MirrorOption = Annotated[
    bool | None,
    typer.Option("--mirror/--no-mirror", help="Mirror the window, not what is written. Default: cameras only."),
]
FullScreenOption = Annotated[bool, typer.Option("--full-screen", help="Begin in full screen.")]
VirtualCameraOption = Annotated[
    bool, typer.Option("--virtual-camera", help="Send the stylized frames to a virtual camera, for meetings.")
]
RecordOption = Annotated[bool, typer.Option("--record", help="Begin to record at once. The key R ends it.")]
OutOption = Annotated[Path, typer.Option("-o", "--out", help="Folder of snapshots and recordings.")]
FramesOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many frames.")]
NoWindowOption = Annotated[bool, typer.Option("--no-window", help="Show no window. Ctrl-C ends it.")]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What computes filter files: cpu, openvino (for float32 filters), or for example cuda or coreml if ONNX"
        " Runtime has it. Default: cpu.",
    ),
]
ThreadsOption = Annotated[
    int | None, typer.Option(metavar="N", help="Threads of filter files, for example 2. Default: all cores.")
]
