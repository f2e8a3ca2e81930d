"""A person judges a study's clips two by two, without a hint of which is which.

Nothing is synced and nothing is saved in the notebook. What reaches the browser comes by custom message and
is of one shape for every pair: a ``number`` that counts from 1 in each widget, how far the rater is, what is
asked, and two files that `study.judging.anonymize` has made alike. Which clip lies where, and its name, stay
in Python.

======== ============================================================================== ====================
message  with                                                                           answered by
======== ============================================================================== ====================
ready                                                                                   trial, over, stuck
vote     number, question (index of the criterion), choice, seconds, sound              as above; failed
undo                                                                                    as above; failed
======== ============================================================================== ====================

``trial`` has number, question and what it asks, done, total, seconds, ratio, watch, problem, and the clips'
bytes as buffers; without buffers it is about the trial of that number that the view has. A vote is answered
once it is written, so the browser shows nothing new before. ``over`` has words, done, total, and a ``phase``:
over, or closed, where no vote can be taken back any more.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anywidget

from seedance_widgets.errors import InvalidStudy, MediaError
from seedance_widgets.study.judging.anonymize import BlindPair, blind_pair
from seedance_widgets.units import count_text
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BlindRater", "RatedStudy", "RatedTrial"]

_HERE = Path(__file__)
_REVEALED = "This study is revealed: which clip is which is known, and blind votes are over."
_UNSHOWN = "One of the two clips cannot be read. Skip this pair; rater.error in Python has the reason."


class RatedTrial(Protocol):
    """Two clips to choose between."""

    @property
    def id(self) -> str:
        """Opaque, and never sent to the browser."""

    @property
    def left(self) -> Path:
        """The clip to show on the left."""

    @property
    def right(self) -> Path:
        """The clip to show on the right."""


class RatedStudy(Protocol):
    """What a `BlindRater` needs of a study."""

    @property
    def criteria(self) -> Sequence[str]:
        """What is asked about each pair, in this order; empty asks once, without a criterion."""

    @property
    def is_revealed(self) -> bool:
        """Whether blind votes are over."""

    def next_trial(self, rater: str) -> RatedTrial | None:
        """What the rater has not judged yet, the same until they have; None after the last."""

    def vote(
        self,
        trial_id: str,
        rater: str,
        choice: str,
        *,
        criterion: str | None = None,
        seconds: float | None = None,
        sound: bool | None = None,
    ) -> object:
        """Write a vote; it is on disk when this returns, and it is not when this raises."""

    def undo(self, rater: str) -> RatedTrial | None:
        """Take the rater's last vote back; returns its trial, None where there is none."""

    def progress(self, rater: str) -> tuple[int, int]:
        """How many trials the rater has judged, and of how many."""


class BlindRater(anywidget.AnyWidget):
    """Two clips in step, and a vote on them that is on disk before the next pair is shown.

    Keys: ``1`` left, ``2`` right, ``3`` tie, ``0`` skip, ``f`` one clip above the other and then the other
    above the one, Escape side by side again, space to play and pause, ``m`` sound, ``u`` takes the last vote
    back. Clips play over the length that both have, again and again, in boxes of one size.

    A vote records the seconds since the question was there to answer, with both clips visible and the page
    in front, and whether there was sound on.

    Parameters
    ----------
    study
        The study, as ``studio.study(...)`` gives it.
    rater
        Who votes; each rater has an order and sides of their own, and goes on where they stopped.
    must_watch
        Accept a vote (other than a skip) only when half of each clip has been played in sight.

    Attributes
    ----------
    rater : str
    error : Exception or None
        The last trouble in full. What is told in the page leaves out what may name a clip.

    Examples
    --------
    >>> BlindRater(study, rater="ana")  # doctest: +SKIP
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    def __init__(self, study: RatedStudy, rater: str = "me", *, must_watch: bool = True) -> None:
        self._lock = threading.Lock()
        self._study = study
        self.rater = rater
        self.error: Exception | None = None
        self._must_watch = must_watch
        self._criteria: tuple[str | None, ...] = tuple(study.criteria) or (None,)
        self._trial: RatedTrial | None = None
        self._pair: BlindPair | None = None
        self._number = 0
        self._question = 0
        # trial and question of this widget's votes, the last to be undone first
        self._cast: list[tuple[str, int]] = []
        self._watched: set[str] = set()
        super().__init__()
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return f"BlindRater(rater={self.rater!r})"

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        if not isinstance(content, Mapping):
            return
        # two views, or a kernel that handles messages in two threads, must not vote at once
        with self._lock:
            match content.get("kind"):
                case "ready":
                    self._show(anew=True)
                case "vote":
                    self._vote(content)
                case "undo":
                    self._undo()

    # --- what a person does ------------------------------------------------------------------------------

    def _vote(self, content: Mapping[str, Any]) -> None:
        asked = (content.get("number"), content.get("question"))
        if self._trial is None or asked != (self._number, self._question):
            self._show()  # a view that lags behind: it has been answered already
            return
        trial, choice, question = self._trial, str(content.get("choice")), self._question
        try:
            self._study.vote(
                trial.id,
                self.rater,
                choice,
                criterion=self._criteria[question],
                seconds=_seconds(content.get("seconds")),
                sound=bool(content.get("sound")),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the person who voted is told
            self._fail("failed", "Your vote is not saved, you can vote again", error)
            return
        self._cast.append((trial.id, question))
        if choice != "skip":
            self._watched.add(trial.id)
        self._question += 1
        self._show("Your vote is saved. ")

    def _undo(self) -> None:
        try:
            undone = self._study.undo(self.rater)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail("failed", "Nothing is taken back", error)
            return
        if undone is None:
            self.send({"kind": "failed", "reason": "There is no vote to take back."})
            return
        trial, question = self._cast.pop() if self._cast else ("", 0)
        self._show(undone=undone, question=question if trial == undone.id else 0)

    # --- what the page shows -----------------------------------------------------------------------------

    def _show(
        self, said: str = "", *, undone: RatedTrial | None = None, question: int = 0, anew: bool = False
    ) -> None:
        """Show what comes next, ``anew`` with its clips, in case the view lacks them."""
        try:
            if self._study.is_revealed:
                self._over(_REVEALED, phase="closed")
                return
            between = self._trial is not None and 0 < self._question < len(self._criteria)
            trial = undone or (self._trial if between else self._study.next_trial(self.rater))
            if trial is None:
                self._over()
                return
            other = self._trial is None or trial.id != self._trial.id
            if other:
                self._trial, self._pair = trial, None
                self._number += 1
            if undone or not between:
                self._question = question
            self._tell(self._clips(trial) if other or anew else [])
        except Exception as error:  # noqa: BLE001 - as above
            self._fail("stuck", f"{said}What comes next cannot be shown", error)

    def _clips(self, trial: RatedTrial) -> list[bytes]:
        try:
            self._pair = self._pair or blind_pair(trial.left, trial.right)
        except MediaError as error:
            self.error = error
            return []
        return [self._pair.left, self._pair.right]

    def _tell(self, clips: list[bytes]) -> None:
        assert self._trial is not None
        done, total = self._study.progress(self.rater)
        self.send(
            {
                "kind": "trial",
                "number": self._number,
                "question": self._question,
                "asks": self._asks(),
                "done": done,
                "total": total,
                "seconds": self._pair.seconds if self._pair else 0.0,
                "ratio": self._pair.ratio if self._pair else 1.0,
                "watch": self._must_watch and self._trial.id not in self._watched,
                "problem": "" if self._pair else _UNSHOWN,
            },
            buffers=clips,
        )

    def _asks(self) -> str:
        criterion, count = self._criteria[self._question], len(self._criteria)
        place = f" ({self._question + 1} of {count})" if count > 1 else ""
        return f"Which is better{'' if criterion is None else f': {criterion}'}?{place}"

    def _over(self, words: str = "", *, phase: str = "over") -> None:
        done, total = self._study.progress(self.rater)
        if not words and not total:
            self.send({"kind": "stuck", "reason": "No pair of clips is there yet."})
            return
        self._trial = self._pair = None
        thanks = f"Thank you. Your votes on {count_text(done, 'pair')} are saved."
        said = {"words": words or thanks, "done": done, "total": total}
        self.send({"kind": "over", "phase": phase, **said})

    def _fail(self, kind: str, what: str, error: Exception) -> None:
        self.error = error
        self.send({"kind": kind, "reason": f"{what}: {_blind_words(error)}"})


def _seconds(value: Any) -> float | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_time and math.isfinite(value) and value >= 0 else None


def _blind_words(error: Exception) -> str:
    """An error in words that name no clip: those of files and databases are full of names."""
    if isinstance(error, InvalidStudy):
        return str(error)
    words = getattr(error, "strerror", None) or type(error).__name__
    return f"{words}. rater.error in Python says more, and may name clips."
