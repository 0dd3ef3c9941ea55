"""Stylize the photos of a folder or object store on a Ray cluster. Each worker loads the filter once.

The outputs have the same bytes as those of `pix2style infer` on one machine. All machines need the same version of
pix2style with the extra ray, and must reach SOURCE and TARGET under the same paths or URLs. You can stop the script and
start it again: finished photos are kept. For s3://, gs:// or abfs://, install s3fs, gcsfs or adlfs on all machines.

    python pipelines/infer-ray.py great-wave s3://bucket/photos -o s3://bucket/stylized --address auto
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli import infer_options as options
from pix2style.cli.app import Application
from pix2style.cli.common_options import JsonOption
from pix2style.cli.exits import EXIT_INTERRUPTED, EXIT_SOME_FAILED
from pix2style.cli.infer_io_options import DeviceOption, RecursiveOption
from pix2style.cli.size_options import LookOption, StrokeOption
from pix2style.cluster.filter_parcel import FilterOptions, pack_filter
from pix2style.cluster.photo_worker import ClusterJob
from pix2style.cluster.place import open_place
from pix2style.cluster.ray_run import RayOptions
from pix2style.cluster.stylize_places import REPORT_NAME, RunOptions, stylize_places
from pix2style.errors import ConfigError, Pix2StyleError
from pix2style.home_paths import expand_arguments
from pix2style.images import KeepMetadata
from pix2style.printable import printable
from pix2style.progress import LiveStatus, print_failures, print_file_notes
from pix2style.runtime.file_settings import FileSettings

_LAYOUT = "\n\t"  # control characters that messages may hold
FilterArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILTER",
        help="A name that `pix2style gallery` lists, for example great-wave (a file of that name here wins), a filter"
        " file (.onnx; FILE@1 for its style 1), or a blend of several (great-wave:0.6,FILE:0.4).",
    ),
]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="Folder of photos, or its URL in an object store, for example s3://bucket/photos."
    ),
]
TargetOption = Annotated[
    str,
    typer.Option(
        "-o", "--out", metavar="TARGET", help="Folder of the outputs, or its URL, for example s3://bucket/stylized."
    ),
]
ReportOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Path or URL of the report, which lists in JSON lines the photos that failed or have notes, for example"
        f" --report out/report.jsonl. Default: {REPORT_NAME} in TARGET.",
    ),
]
StorageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="KEY=VALUE",
        help="Option of the fsspec file system behind the URLs, for example endpoint_url=http://127.0.0.1:9000. Values"
        " may be JSON. Set keys and passwords in the environment of each machine instead. May be repeated.",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="Address of a running Ray cluster, for example auto for the one that `ray start --head` has started on"
        " this machine. Default: start a cluster on this machine for this call."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of workers, for example 8. Default: as many as the cluster has room for."),
]
CpusOption = Annotated[
    float,
    typer.Option(
        metavar="N",
        help="Processors for each worker, and threads of its filter, for example 4. The default gives the most photos"
        " per second.",
    ),
]
GpusOption = Annotated[
    float,
    typer.Option(
        metavar="N", help="GPUs for each worker, for example 0.5 if two workers share one; add --device cuda, too."
    ),
]
PhotosPerTaskOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Photos in one task of a worker, for example 8 for large photos. If a worker dies, its task is repeated.",
    ),
]


@dataclass(frozen=True, slots=True)
class HowOptions:
    """Options that say how the filter is applied."""

    strength: options.StrengthOption = 1.0
    style: options.StyleOption = None
    tile: options.TileOption = None
    device: DeviceOption = None
    preserve_color: options.PreserveColorOption = False
    stroke: StrokeOption = None
    look: LookOption = None

    def of_filter(self, threads: int) -> FilterOptions:
        """Return the options in the form that is sent to workers."""
        values = asdict(self)
        return FilterOptions(look_px=values.pop("look"), threads=threads, **values)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Options that say where the work is done."""

    address: AddressOption = None
    workers: WorkersOption = None
    cpus_per_worker: CpusOption = 1.0
    gpus_per_worker: GpusOption = 0.0
    photos_per_task: PhotosPerTaskOption = 32


app = Application(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def infer_ray(
    stylizer: FilterArgument,
    source: SourceArgument,
    out: TargetOption,
    cluster: ClusterOptions,
    how: HowOptions,
    outputs: options.OutputOptions,
    recursive: RecursiveOption = True,
    report: ReportOption = None,
    storage_option: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylize the photos of a folder or object store on a Ray cluster. Each worker loads the filter once.

    The outputs have the same bytes as those of `pix2style infer SOURCE -o TARGET` on one machine. Clips are left out.

    The filter is sent to the workers, so only this machine needs its file. All machines must reach SOURCE and TARGET
    under the same paths or URLs.

    After an interruption, run the same command again: it keeps outputs that the same filter and settings made.

    Exit code 1: some photos could not be stylized. The report lists them; all others are done.
    """
    outputs.check(Path(out))
    ray_options = RayOptions(**asdict(cluster))
    storage = dict(_storage_option(text) for text in storage_option or ())
    job = ClusterJob(
        open_place(source, storage),
        open_place(out, storage),
        pack_filter(stylizer, how.of_filter(threads=max(1, int(cluster.cpus_per_worker)))),
        outputs.suffix,
        outputs.quality_or_default,
        FileSettings(lossless=outputs.lossless, metadata=KeepMetadata(outputs.keep_metadata.value)),
    )
    run = RunOptions(outputs.overwrite, recursive)
    if report is not None:
        folder, name = _split(report)
        run = RunOptions(outputs.overwrite, recursive, open_place(folder, storage), name)
    with LiveStatus("photos") as status:
        done = stylize_places(
            job, ray_options, run, lambda so_far: status.update(None, None, f"{so_far.handled:,} done")
        )
    print_file_notes([(name, note) for note, (names, _) in done.notes.items() for name in names])
    print_failures(done.failures, report or f"{out}/{REPORT_NAME}")
    print(json.dumps(done.to_json()) if as_json else printable(f"{job.target.address}: {done.summary()}"))
    if done.failed:
        sys.exit(EXIT_SOME_FAILED)


def _split(report: str) -> tuple[str, str]:
    """Return the folder and the name of a report."""
    folder, slash, name = report.replace("\\", "/").rpartition("/")
    if not name or Path(report).is_dir():
        raise ConfigError(f"--report {report}: is a folder: name a file in it, for example {REPORT_NAME}")
    return folder or slash or ".", name


def _storage_option(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ConfigError(f"--storage-option {text}: give KEY=VALUE, for example endpoint_url=http://127.0.0.1:9000")
    with contextlib.suppress(ValueError):
        return key, json.loads(value)
    return key, value


def main() -> None:
    """Run the script; errors become one message on stderr and an exit code."""
    try:
        sys.argv[1:] = expand_arguments(sys.argv[1:])
        app(prog_name="infer-ray.py")
    except Pix2StyleError as error:
        print(f"infer-ray: {printable(str(error), keep=_LAYOUT)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == EXIT_INTERRUPTED:
            print("infer-ray: interrupted; run the same command again to go on", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
