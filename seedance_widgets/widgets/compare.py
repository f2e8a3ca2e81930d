"""Two to nine clips side by side and in step, captioned by what differs between them.

The browser keeps the step: playback causes no traffic with the kernel. Saved state holds facts, small
posters and short captions; bytes and long texts lie on the widget's shelf until they are asked for. The
trait ``clips`` has one mapping a clip (see `Clip.facts`), with its ``label``, ``poster``, the number ``id``
to ask for its bytes by, and its ``captions``: ``[{"name": "seed", "text": "11"}, ...]``, with ``id`` and
``length`` where ``text`` is an excerpt.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request.fields import FIELDS, MEDIA, PARAMETERS, Kind
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.task.task import Task
from seedance_widgets.units import is_absent, usd_text
from seedance_widgets.widgets.clip_views import Clip, look, notes, poster_url
from seedance_widgets.widgets.following import Follower
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.on_demand import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seedance_widgets.widgets.clip_views import Source

__all__ = ["CompareGrid", "differences", "distinguish", "forks"]

_HERE = Path(__file__)
_LEAST, _MOST = 2, 9
_POSTER_BYTES = 5_000
_POSTERS_BYTES = 20_000

_SETTINGS = [*PARAMETERS]
_AT = _SETTINGS.index("ratio") + 1
_SETTINGS[_AT:_AT] = ["width", "height"]
# What may tell one clip from another, in the order of its captions. What follows from something else on the
# list (paths, hashes, times, the estimate) would only say the same again.
_COMPARED = (
    "model", "prompt", "kind", "mode", *(row.name for row in MEDIA), *_SETTINGS,
    "tokens", "usd", "simulated", "study", "arm", "item",
)  # fmt: skip


_NAMES = {"usd": "cost"}


def differences(clips: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What differs between rows of the log, and nothing of what is equal.

    Parameters
    ----------
    clips
        Mappings of column to value; a column that is missing, None or ``<NA>`` is absent.

    Returns
    -------
    list of dict
        One a row, all with the same columns in the same order: those in which at least two rows differ.
        Absent is None. While a seed is not known yet, the requested one stands for it.

    Examples
    --------
    >>> differences([{"seed": 1, "ratio": "16:9"}, {"seed": 2, "ratio": "16:9"}])
    [{'seed': 1}, {'seed': 2}]
    """
    values = [{column: _value(clip, column) for column in _COMPARED} for clip in clips]
    differing = [
        column for column in _COMPARED if any(row[column] != values[0][column] for row in values[1:])
    ]
    return [{column: row[column] for column in differing} for row in values]


def _value(clip: Mapping[str, Any], column: str) -> Any:
    value = clip.get(column)
    if column == "seed" and is_absent(value):
        value = clip.get("requested_seed")
    return None if is_absent(value) else value


def distinguish(clips: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Differences in words. A file knows less than a task: what it lacks makes no difference."""
    known: dict[str, Any] = {}
    for clip in reversed(clips):
        known |= clip
    differing = differences({**known, **clip} for clip in clips)
    return [
        _words_of(clip, {column: value for column, value in values.items() if column in clip})
        for clip, values in zip(clips, differing, strict=True)
    ]


def _words_of(clip: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """One clip's differences as names and texts; its sides are told together."""
    texts = {}
    for column, value in values.items():
        if column in ("width", "height"):
            texts["size"] = f"{clip.get('width') or '?'}x{clip.get('height') or '?'}"
        elif column != "frames" or values.get("duration") is None:  # frames would say the same again
            name = _NAMES.get(column, column.replace("_", " "))
            texts[name] = "none" if value is None else _text(column, value)
    return texts


def _text(column: str, value: Any) -> str:
    if column == "usd":
        return usd_text(value)
    if column == "tokens":
        return f"{value:,}"
    if column == "duration":
        return f"{value} s"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column in FIELDS and FIELDS[column].kind is Kind.PICTURE and str(value).startswith("inputs/"):
        # named by its hash, whose start is enough to tell it apart
        return f"{Path(value).stem[:8]}…{Path(value).suffix}"
    return str(value)


def forks(told: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """By name, where the texts begin to differ."""
    found = {}
    for name in {name for row in told for name in row}:
        found[name] = len(os.path.commonprefix([row[name] for row in told if name in row]))
    return found


class CompareGrid(anywidget.AnyWidget):
    """Clips side by side: one set of controls, all on the same frame, captions of what differs.

    The longest clip is the clock; a shorter one holds its last frame. Bytes go to the browser when play is
    pressed. A clip that cannot be shown says so in its cell, and the others go on. Keys: space, arrows 1 s,
    with shift 5 s (on the position one frame), ``1`` to ``9`` that clip's sound alone, Escape to leave an
    enlarged clip.

    Parameters
    ----------
    tasks
        2 to 9 of `Task`, path of a clip, or row of the log as ``studio.log.to_pandas()`` has it.
    loop
        Start again at the end, until it is unticked in the grid.

    Raises
    ------
    ValueError
        There are fewer than 2 or more than 9.
    TypeError
        One is neither a task nor a path nor a row.

    Examples
    --------
    >>> CompareGrid([t1, t2, t3, t4], loop=True)  # doctest: +SKIP
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    clips = traitlets.List(traitlets.Dict()).tag(sync=True)
    loop = traitlets.Bool(False).tag(sync=True)

    def __init__(self, tasks: Iterable[Source], *, loop: bool = False) -> None:
        self._lock = threading.Lock()
        # the rows of a DataFrame of the log, not the names of its columns
        frame: Any = tasks if is_frame(tasks) else None
        self._sources = several(tasks, "tasks") if frame is None else [row for _, row in frame.iterrows()]
        if not _LEAST <= len(self._sources) <= _MOST:
            reason = f"{_LEAST} to {_MOST} clips can be compared"
            raise InvalidRequest([Problem("tasks", len(self._sources), reason)], refused="nothing is shown")
        self._seen = [look(source) for source in self._sources]
        super().__init__(loop=loop)
        self._shelf = Shelf(self)
        self._follower = Follower(self, self._pending)
        self._posters: dict[int, str] = {}
        self._take(self._seen)

    def __repr__(self) -> str:
        return f"CompareGrid({', '.join(seen.label for seen in self._seen)})"

    def refresh(self) -> None:
        """Look at the tasks or files again, and show what has changed."""
        self._take([look(source) for source in self._sources])

    def _take(self, seen: list[Clip]) -> None:
        with self._lock:
            self._seen = seen
            self.clips = self._describe(seen)
        self._follower.start()

    def _describe(self, seen: list[Clip]) -> list[dict[str, Any]]:
        told = distinguish([clip.columns for clip in seen])
        starts = forks(told)
        described = []
        for index, (clip, label, row) in enumerate(zip(seen, _labels(seen), told, strict=True)):
            captions = [
                {"name": name, **self._shelf.text(text, around=starts[name])} for name, text in row.items()
            ]
            facts = {**clip.facts(), "label": label, "captions": captions, "notes": notes(clip), "poster": ""}
            if clip.file is not None:
                facts["id"] = self._shelf.put(clip.file, index)
                facts["poster"] = self._poster(facts["id"], index)
            described.append(facts)
        return described

    def _poster(self, number: int, index: int) -> str:
        """The poster of a file on the shelf, made once."""
        if number not in self._posters:
            share = min(_POSTER_BYTES, _POSTERS_BYTES // len(self._seen))
            self._posters[number] = poster_url(self._sources[index], self._seen[index], share)
        return self._posters[number]

    def _pending(self) -> list[Task]:
        pairs = zip(self._seen, self._sources, strict=True)
        return [source for clip, source in pairs if clip.waiting and isinstance(source, Task)]


def _labels(seen: list[Clip]) -> list[str]:
    """Keys and file names; with their folder where several share a name; never all the same."""
    labels = [clip.label for clip in seen]
    if len(set(labels)) == 1:
        labels = [f"{clip.file.parent.name}/{clip.file.name}" if clip.file else clip.label for clip in seen]
    return labels if len(set(labels)) > 1 else [""] * len(seen)
