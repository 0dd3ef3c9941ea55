"""Run the blind test: which pair each judge sees next, and what they have answered. It knows nothing of HTTP."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pix2style.errors import DataError
from pix2style.images import encode_png
from pix2style.judge.analysis import VoteReport, analyse_votes
from pix2style.judge.pictures import JudgedPictures
from pix2style.judge.plan import Question, Trial, example_photos, plan_trials
from pix2style.judge.votes import ANSWERS, Vote, VotesFile, check_same_pictures, now
from pix2style.page_server.refusals import BusyError, NotHereError
from pix2style.printable import printable
from pix2style.version import __version__

_ID_BYTES = 12
_LONGEST_NAME = 60
_LONGEST_S = 86_400
# A picture of 12 megapixels takes about 0.2 GB while it is decoded, resized and encoded.
_MOST_PICTURES_AT_A_TIME = 2


@dataclass(slots=True)
class _Judge:
    """One judge, while the page is open.

    Attributes:
        name: The judge's name.
        plan: All trials in their order.
        trial: The trial that is shown; None before the first and after the last.
        trial_id: Random id of this showing.
        pictures: What the random addresses of pictures mean: photo and stylizer; None for the photo itself.
        shown: What the page has been told about the trial.
    """

    name: str
    plan: list[Trial]
    trial: Trial | None = None
    trial_id: str = ""
    pictures: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)


class Judging:
    """A blind test of pictures, for any number of judges.

    Args:
        pictures: The pictures.
        votes: Where votes are stored.
        questions: What is asked, one question after the other.
        count: Largest number of pairs for each judge and question.
        seed: Seed of the order.

    Raises:
        DataError: The file of votes is about other pictures.
    """

    def __init__(
        self, pictures: JudgedPictures, votes: VotesFile, *, questions: Sequence[Question], count: int, seed: int
    ) -> None:
        self._pictures, self._votes = pictures, votes
        self._questions, self._count, self._seed = questions, count, seed
        self._judges: dict[str, _Judge] = {}
        self._lock = threading.RLock()
        self._making_pictures = threading.BoundedSemaphore(_MOST_PICTURES_AT_A_TIME)
        _check_votes(pictures, votes)

    def describe(self) -> dict[str, Any]:
        """Return what the page may know before the test, which names no stylizer."""
        return {
            "questions": list(self._questions),
            "photos": len(self._pictures.photos),
            "stylizers": len(self._pictures.stylizers),
            "has_photos": self._pictures.has_photos,
            "trials": sum(len(self._plan(question, "")) for question in self._questions),
        }

    def start(self, name: str) -> dict[str, Any]:
        """Let a judge begin, or go on; without a name, one is made up. Returns the name and the first pair."""
        name = printable(" ".join(name.split()))[:_LONGEST_NAME] or f"judge-{secrets.token_hex(3)}"
        with self._lock:
            plan = [trial for question in self._questions for trial in self._plan(question, name)]
            self._judges[name] = _Judge(name, plan)
            return {"judge": name, **self.next_pair(name)}

    def next_pair(self, name: str) -> dict[str, Any]:
        """Return the pair that a judge has to answer, or the report if all are answered."""
        with self._lock:
            judge = self._judge(name)
            answered = {vote.trial.key for vote in self._votes_of(name)}
            trial = next((trial for trial in judge.plan if trial.key not in answered), None)
            if trial is None:
                return self._finished(judge)
            if judge.trial != trial:
                self._show(judge, trial)
            done = sum(trial.key in answered for trial in judge.plan)
            return {
                "state": "pair",
                **judge.shown,
                "done": done,
                "total": len(judge.plan),
                "can_undo": bool(answered.intersection(trial.key for trial in judge.plan)),
            }

    def vote(self, name: str, trial_id: str, answer: str, seconds: float | None) -> dict[str, Any]:
        """Store an answer, and return the next pair.

        Raises:
            BusyError: The pair has been answered meanwhile, perhaps in another tab.
            DataError: There is no such answer, or it cannot be stored.
        """
        kind = next((known for known in ANSWERS if known == answer), None)
        if kind is None:
            raise DataError("the answer must be left, right or neither")
        with self._lock:
            judge = self._judge(name)
            trial = judge.trial
            if trial is None or not secrets.compare_digest(judge.trial_id.encode(), trial_id.encode()):
                raise BusyError("this pair has been answered already: here is the next one")
            digests = self._pictures.digests
            self._votes.append(
                Vote(
                    id=secrets.token_hex(_ID_BYTES),
                    time=now(),
                    judge=name,
                    question=trial.question,
                    photo=trial.photo,
                    left=trial.left,
                    right=trial.right,
                    teacher=self._pictures.teacher,
                    showing=trial.showing,
                    answer=kind,
                    seconds=None if seconds is None else round(min(max(seconds, 0), _LONGEST_S), 2),
                    left_sha256=digests[trial.photo, trial.left],
                    right_sha256=digests[trial.photo, trial.right],
                    seed=self._seed,
                    version=__version__,
                )
            )
            return self.next_pair(name)

    def undo(self, name: str) -> dict[str, Any]:
        """Take a judge's last answer back, and return its pair."""
        with self._lock:
            planned = {trial.key for trial in self._judge(name).plan}
            votes = [vote for vote in self._votes_of(name) if vote.trial.key in planned]
            if votes:
                self._votes.undo(votes[-1])
            return self.next_pair(name)

    def end(self, name: str) -> dict[str, Any]:
        """Let a judge stop, and return the report. The same name can go on later."""
        with self._lock:
            return self._finished(self._judge(name))

    def picture(self, picture_id: str) -> bytes:
        """Return a picture as PNG file without compression, so that its size says nothing about its content.

        Raises:
            NotHereError: There is none of that id: it is not shown now.
        """
        with self._lock:
            names = next(
                (one.pictures[picture_id] for one in self._judges.values() if picture_id in one.pictures), None
            )
        if names is None:
            raise NotHereError("this picture is no longer shown: reload the page")
        with self._making_pictures:
            return encode_png(self._pictures.picture(*names), compress_level=0)

    def report(self) -> VoteReport:
        """Return what all votes say so far."""
        return analyse_votes(self._votes.votes(), seed=self._seed)

    def _plan(self, question: Question, judge: str) -> list[Trial]:
        return plan_trials(
            question,
            self._pictures.stylizers,
            self._pictures.photos,
            teacher=self._pictures.teacher,
            count=self._count,
            seed=self._seed,
            judge=judge,
        )

    def _judge(self, name: str) -> _Judge:
        if name not in self._judges:
            raise NotHereError("the program was restarted: reload the page and begin again with the same name")
        return self._judges[name]

    def _votes_of(self, name: str) -> list[Vote]:
        return [vote for vote in self._votes.votes() if vote.judge == name]

    def _show(self, judge: _Judge, trial: Trial) -> None:
        """Give the pictures of a trial new addresses: an address that comes again would give a picture away."""
        judge.trial, judge.trial_id, judge.pictures = trial, secrets.token_hex(_ID_BYTES), {}

        def address(photo: str, stylizer: str | None) -> str:
            picture_id = secrets.token_hex(_ID_BYTES)
            judge.pictures[picture_id] = photo, stylizer
            return f"/api/pictures/{picture_id}"

        height, width = self._pictures.size(trial.photo)
        original = self._pictures.originals
        teacher, examples = self._pictures.teacher, list[str]()
        if trial.question == "teacher":
            examples = [address(photo, teacher) for photo in example_photos(self._pictures.photos, self._seed)]
        judge.shown = {
            "trial": judge.trial_id,
            "question": trial.question,
            "left": address(trial.photo, trial.left),
            "right": address(trial.photo, trial.right),
            "photo": None if original is None or trial.photo not in original.images else address(trial.photo, None),
            "examples": examples,
            "width": width,
            "height": height,
        }

    def _finished(self, judge: _Judge) -> dict[str, Any]:
        """Return the report for a judge who has ended, and show no pictures any more: it names the stylizers."""
        judge.trial, judge.pictures = None, {}
        answered = {vote.trial.key for vote in self._votes_of(judge.name)}
        left = sum(trial.key not in answered for trial in judge.plan)
        return {"state": "finished", "pairs_left": left, "report": self.report().to_json()}


def _check_votes(pictures: JudgedPictures, votes: VotesFile) -> None:
    stored = votes.votes()
    try:
        check_same_pictures(stored, pictures.digests)
    except DataError as error:
        raise DataError(f"{votes.path}: {error}") from error
    if stored and not any(name in pictures.digests for vote in stored for name in vote.digests()):
        raise DataError(
            f"{votes.path}: holds votes on other pictures ({stored[0].left} and {stored[0].right}): name another file,"
            " for example --votes other-votes.jsonl"
        )
