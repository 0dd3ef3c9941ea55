"""Load stylizers by name, and evaluate them on held-out pairs or on a folder of photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.config import Config
from pix2style.effects.blend_text import parse_blend
from pix2style.errors import ConfigError, DataError
from pix2style.files import write_bytes
from pix2style.loading import load_stylizer
from pix2style.progress import ProgressBar, recorded_notes
from pix2style.recipes.evaluated_runs import find_runs, held_out_shares, notes_on_training
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import parse_teacher
from pix2style.writable import check_can_write

if TYPE_CHECKING:
    from pix2style.evaluation.dataset import EvaluationDataset
    from pix2style.evaluation.report import EvalReport
    from pix2style.evaluation.two_sample_test import TellApart


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to evaluate, besides what the configuration says.

    Attributes:
        stylizers: Filter files, run folders or names of teachers, as `load_stylizer` takes them.
        teacher: Stylizer that makes the targets for `eval.photos`; None takes the first of `stylizers`.
        paintings: Paintings whose style the stylizers should reach, besides those that the stylizers name.
        features: Feature network of the style distance; see `load_style_metric`.
        perceptual: Measure LPIPS and DISTS; see `load_perceptual_metrics`.
        tell_apart: Train networks to tell the outputs from the targets; see `two_sample_test`.
        limit: Use only the first so many photos; None uses all.
        sheet: PNG file for a contact sheet; None writes none.
        html: HTML file for a report with the best and the worst photos; None writes none.
        device: Where filter files and runs run; see `load_stylizer`.
    """

    stylizers: Sequence[str]
    teacher: str | None = None
    paintings: Sequence[Path] = ()
    features: str | None = None
    perceptual: bool | None = None
    tell_apart: bool = False
    limit: int | None = None
    sheet: Path | None = None
    html: Path | None = None
    device: str | None = None

    @property
    def named(self) -> list[str]:
        """The stylizers, and the teacher if one is named."""
        return [*self.stylizers, *([] if self.teacher is None else [self.teacher])]


def check_evaluation(config: Config, options: EvaluationOptions) -> None:
    """Check that the options fit together, without loading anything.

    Raises:
        ConfigError: Options contradict each other or are missing.
    """
    stylizers, sheet = options.stylizers, options.sheet
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise ConfigError(f"--sheet {sheet}: the sheet is a PNG file: give it a name that ends in .png")
    if options.html is not None and options.html.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--html {options.html}: the report is an HTML file: give it a name that ends in .html")
    for file in (sheet, options.html):
        if file is not None:
            check_can_write(file)
    check_named_once(stylizers)
    if config.eval.photos:
        if options.teacher is None and len(stylizers) == 1:
            raise ConfigError(
                f"{stylizers[0]}: there is nothing to compare it with: add a second stylizer, --teacher STYLIZER, or"
                " --pairs DIR instead of --photos"
            )
    elif config.pairs.path is None:
        raise ConfigError("there are no photos to evaluate on: add --pairs DIR, or --photos DIR and --teacher STYLIZER")
    elif options.teacher is not None:
        raise ConfigError("--teacher: the pair set already holds targets: leave it out, or use --photos")


def check_named_once(stylizers: Sequence[str]) -> None:
    """Check that no stylizer is named twice.

    Raises:
        ConfigError: One is.
    """
    repeated = [source for source, count in Counter(stylizers).items() if count > 1]
    if repeated:
        raise ConfigError(f"{repeated[0]}: this stylizer is named twice: name each one once")


def evaluate_stylizers(config: Config, options: EvaluationOptions) -> EvalReport:
    """Evaluate stylizers on `eval.photos` if the configuration names some, else on the test split of `pairs.path`.

    Raises:
        ConfigError: Options contradict each other or are missing.
        DataError: Photos or the pair set cannot be used.
        ArtifactError: A stylizer or the feature network cannot be loaded.
    """
    from pix2style.evaluation.contact_sheet import ContactSheet
    from pix2style.evaluation.evaluate import EvaluatedPhoto, evaluate
    from pix2style.evaluation.perceptual import load_perceptual_metrics
    from pix2style.evaluation.style import load_style_metric
    from pix2style.evaluation.two_sample_test import TellApart, check_enough_photos
    from pix2style.reports.eval_report import eval_report
    from pix2style.reports.extremes import Extremes
    from pix2style.runtime.devices import CPU

    check_evaluation(config, options)
    dataset = open_dataset(config, options)
    if options.tell_apart:
        check_enough_photos(len(dataset))
    with recorded_notes() as loading_notes:  # for example, that another file stands in for one of 8 bits
        stylizers = load_stylizers(options.stylizers, config.pairs.module, options.device)
        reference = _reference(stylizers, options, config.pairs.module) if config.eval.photos else None
    style_metric, style_note = load_style_metric(options.features, config.losses.features)
    perceptual, perceptual_note = load_perceptual_metrics(options.perceptual)
    contact_sheet, extremes, tell_apart = ContactSheet(), Extremes(), TellApart()

    def show(images: EvaluatedPhoto) -> None:
        contact_sheet(images)
        extremes(images)
        if options.tell_apart:
            tell_apart(images)

    with ProgressBar("photos", len(dataset)) as bar:
        report = evaluate(
            stylizers,
            dataset,
            reference=reference,
            style_metric=style_metric,
            perceptual=perceptual,
            paintings=[*options.paintings, *_named_paintings(config, options)],
            notes=[*loading_notes, *(note for note in (style_note, perceptual_note) if note)],
            device=options.device or CPU,
            on_photo=show,
            on_progress=bar.set_counts,
        )
    if options.tell_apart:
        report = _add_tell_apart(report, tell_apart)
    if options.sheet is not None:
        contact_sheet.write(options.sheet, teacher=report.reference.name)
    if options.html is not None:
        write_bytes(options.html, eval_report(report, extremes).encode("utf-8", "backslashreplace"))
    return report


def _add_tell_apart(report: EvalReport, tell_apart: TellApart) -> EvalReport:
    """Test how well networks tell the outputs from the targets, and return the report with the results."""
    from pix2style.evaluation.two_sample_test import TELL_APART_SETTINGS
    from pix2style.training.run.memory import is_out_of_memory

    try:
        with ProgressBar("networks", tell_apart.networks) as bar:
            results = tell_apart.results(bar.set_counts)
    except (DataError, MemoryError, RuntimeError) as error:  # all other figures were measured, and took long
        if is_out_of_memory(error):
            reason = "there is too little memory: give fewer or smaller photos"
        elif isinstance(error, DataError):
            reason = str(error)
        else:
            raise
        notes = (*report.notes, f"not told apart: {reason}", *tell_apart.notes_on_photos)
        return report.model_copy(update={"notes": notes})
    rows = tuple(row.model_copy(update={"told_apart": results.get(row.name)}) for row in report.stylizers)
    notes = (*report.notes, *tell_apart.notes_on_photos, *tell_apart.notes_on_patches)
    settings = {**report.settings, **TELL_APART_SETTINGS}
    return report.model_copy(update={"stylizers": rows, "notes": notes, "settings": settings})


def open_dataset(config: Config, options: EvaluationOptions) -> EvaluationDataset:
    """Open the photos that the configuration names, or else the test split of its pair set.

    Plain folders of pairs are divided as the evaluated run has divided them; see `held_out_shares`.
    """
    from pix2style.evaluation.dataset import PairDataset, PhotoDataset
    from pix2style.pairs.exchange.plain_folders import open_pairs

    if config.eval.photos or config.pairs.path is None:
        return PhotoDataset(config.eval.photos, max_side=config.eval.max_side, limit=options.limit)
    runs = find_runs([part for source in options.stylizers for part in _parts(source)])
    val_share, test_share = held_out_shares(config, runs)
    reader = open_pairs(config.pairs.path, val_share=val_share, test_share=test_share)
    notes = notes_on_training(runs, reader)
    return PairDataset(reader, limit=options.limit, style=config.pairs.learn_style, notes=notes)


def load_stylizers(sources: Sequence[str], module: str | None, device: str | None = None) -> dict[str, Stylizer]:
    """Load stylizers by short names: the last part of a path, unless two stylizers share it."""
    short_names = {source: _short_name(source) for source in sources}
    counts = Counter(short_names.values())
    names = {source: name if counts[name] == 1 else source for source, name in short_names.items()}
    return {names[source]: load_stylizer(source, teacher_module=module, device=device) for source in sources}


def takes_module(options: EvaluationOptions) -> bool:
    """Return whether one of the stylizers, or the teacher, is a network of which there are several."""
    teachers = [parse_teacher(part) for source in options.named for part in _parts(source)]
    return any(teacher is not None and teacher[0].needs_painting for teacher in teachers)


def _parts(source: str) -> list[str]:
    """Return the parts of a blend; of another stylizer itself."""
    return [part for part, _ in parse_blend(source) or [(source, 1.0)]]


def _short_name(source: str) -> str:
    parts = parse_blend(source)
    if parts is not None:
        are_equal = len({weight for _, weight in parts}) == 1
        return ",".join(_short_name(part) + ("" if are_equal else f":{weight:g}") for part, weight in parts)
    teacher, painting = parse_teacher(source) or (None, None)
    if teacher is not None and painting is not None:
        return f"{teacher.name}:{painting.name}"
    return Path(source).name or source


def _reference(stylizers: dict[str, Stylizer], options: EvaluationOptions, module: str | None) -> Stylizer:
    """Return the stylizer that makes the targets; one that is evaluated too is not loaded twice."""
    if options.teacher is None:
        return next(iter(stylizers.values()))
    if options.teacher in options.stylizers:
        return list(stylizers.values())[list(options.stylizers).index(options.teacher)]
    # Teachers of pairs choose their own.
    device = None if any(map(parse_teacher, _parts(options.teacher))) else options.device
    return load_stylizer(options.teacher, teacher_module=module, device=device)


def _named_paintings(config: Config, options: EvaluationOptions) -> list[Path]:
    """Return the paintings that stylizers, teacher and configuration name."""
    teachers = [parse_teacher(part) for source in options.named for part in _parts(source)]
    paintings = [*(teacher[1] for teacher in teachers if teacher is not None), config.pairs.style]
    return [painting for painting in paintings if painting is not None]
