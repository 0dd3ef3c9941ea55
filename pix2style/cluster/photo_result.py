"""The results of photos on a worker, in a form that can be sent to the process that started the work."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from pix2style.errors import ArtifactError, ConfigError, DataError, MissingExtraError, Pix2StyleError

Outcome = Literal["written", "existed", "failed", "other settings", "other photo"]


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """The result of one photo.

    Attributes:
        photo: Its path in the source.
        outcome: Its result. "other settings" and "other photo" mean that an output exists which was made with other
            settings, or of another photo.
        output: Path of its output in the target; empty if it has none.
        reason: Why it failed; else empty.
        notes: What a person should know about it.
        frames: Number of its frames or pages; 0 if it is a single picture.
        of_unknown_origin: Whether its output existed and holds no note about the filter that made it.
    """

    photo: str
    outcome: Outcome
    output: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    frames: int = 0
    of_unknown_origin: bool = False


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The results of a batch of photos.

    Attributes:
        results: Results of the photos.
        left_out: Files and folders beside the photos that are not stylized, counted by reason.
        seconds: Time that the worker took.
        error: Message of an error that ends the whole work; empty if there was none.
        exit_code: Exit code of that error.
    """

    results: list[PhotoResult] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    exit_code: int = 0

    def to_json(self) -> str:
        """Return the result as text of ASCII characters."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> BatchResult:
        """Return the result that `to_json` gave as text."""
        value = json.loads(text)
        results = [PhotoResult(**{**result, "notes": tuple(result["notes"])}) for result in value.pop("results")]
        return cls(results, **value)

    @classmethod
    def of_error(cls, error: Pix2StyleError) -> BatchResult:
        """Return the result of a worker that cannot work."""
        return cls(error=str(error), exit_code=error.exit_code)

    def check(self) -> None:
        """Raise the error that ends the whole work, if there was one."""
        if not self.error:
            return
        classes = {cls.exit_code: cls for cls in (ConfigError, DataError, ArtifactError, MissingExtraError)}
        raise classes.get(self.exit_code, Pix2StyleError)(self.error)
