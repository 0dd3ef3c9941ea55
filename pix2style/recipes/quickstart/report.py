"""Results of quickstart."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pix2style.evaluation.report import EvalReport

REPORT_FILE = "report.json"


@dataclass(slots=True)
class QuickstartReport:
    """Results of quickstart, and how good the filter is.

    Attributes:
        filter: The ONNX file.
        before_after: Contact sheet with columns for photo, teacher and filter.
        pictures: Folder of stylized photos.
        seconds: Time of each stage by its name, and of all stages as `all`.
        filter_bytes: Size of the ONNX file.
        filter_8_bit: The same filter computed in 8 bits; None if that would change its pictures too much.
        filter_8_bit_bytes: Size of that file.
        parameters: Number of weights of the generator.
        ms_per_picture: Median milliseconds for one photo in ONNX Runtime on this machine.
        megapixels: Mean size of the photos that were timed.
        held_out: Number of photos that neither training nor validation used.
        psnr_db: PSNR of the filter against the teacher on those photos, in dB; None if there are none.
        ssim: SSIM of the filter against the teacher on those photos; None if there are none.
        gram_distance: Relative distance of Gram matrices of VGG19's activations between filter and teacher on those
            photos; None if there are none, or no weights of VGG19.
        photo_psnr_db: PSNR of the unchanged photos against the teacher, as a baseline; None if there are none.
        photo_ssim: SSIM of the unchanged photos against the teacher, as a baseline; None if there are none.
        photo_gram_distance: Gram distance of the unchanged photos to the teacher, as a baseline.
        images_seen: Number of training images, earlier calls included.
        interrupted: Whether training was stopped by Ctrl-C.
    """

    filter: Path
    before_after: Path
    pictures: Path
    seconds: dict[str, float] = field(default_factory=dict)
    filter_bytes: int = 0
    filter_8_bit: Path | None = None
    filter_8_bit_bytes: int = 0
    parameters: int = 0
    ms_per_picture: float | None = None
    megapixels: float | None = None
    held_out: int = 0
    psnr_db: float | None = None
    ssim: float | None = None
    gram_distance: float | None = None
    photo_psnr_db: float | None = None
    photo_ssim: float | None = None
    photo_gram_distance: float | None = None
    images_seen: int = 0
    interrupted: bool = False

    def add_evaluation(self, evaluation: EvalReport, *, held_out: bool) -> None:
        """Take over figures; those about fidelity only if they were measured on held-out photos."""
        filter_row, photo_row = evaluation.stylizers
        self.ms_per_picture, self.megapixels = filter_row.ms_per_picture, evaluation.mean_megapixels
        if not held_out:
            return
        self.held_out = evaluation.material.photos
        self.psnr_db, self.ssim = filter_row.psnr_db.mean, filter_row.ssim.mean
        self.photo_psnr_db, self.photo_ssim = photo_row.psnr_db.mean, photo_row.ssim.mean
        if filter_row.style_to_target is not None and photo_row.style_to_target is not None:
            self.gram_distance = filter_row.style_to_target.mean
            self.photo_gram_distance = photo_row.style_to_target.mean

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold."""
        values = asdict(self)
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
