"""Many drafts to judge at once: posters first, one key a verdict, each in the log before it is shown.

Saved state holds ``drafts``, one mapping each: ``key``, ``ratio``, a tiny ``still`` as a data URL, the
numbers ``poster`` and ``clip`` to ask for the bytes by, ``prompt`` and ``facts`` (what differs between the
drafts) and ``words`` (why there is nothing to play). Beside it are ``verdicts`` (key -> accept, reject or
star), ``finals`` (keys of drafts that have one) and ``price``. Posters and clips lie on the shelf; the
browser keeps few clips.

The browser sends ``{kind: "judge", key, verdict}`` and hears ``judged`` with the same once the log has it, or
``refused`` with the reason. Without a kernel the stills and verdicts of saved state can still be looked at,
and a line of plain output under the gallery says what was decided.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anywidget
import traitlets

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.drafts.promotion import age_problem, same_final
from seedance_widgets.errors import InvalidRequest, Problem, SeedanceError, error_text
from seedance_widgets.live_output import LiveOutput
from seedance_widgets.log.row import Status
from seedance_widgets.media.video_file import shrink
from seedance_widgets.request.pricing import estimate
from seedance_widgets.request.rules import shown
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.studio import Studio
from seedance_widgets.task.task import Task
from seedance_widgets.units import count_text, data_url, usd_text
from seedance_widgets.widgets.clip_views import Clip, look
from seedance_widgets.widgets.compare import distinguish, forks
from seedance_widgets.widgets.following import Follower
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.on_demand import Shelf, excerpt
from seedance_widgets.widgets.static_output import display_widget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.live_output import Bundle
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.runtime import StudioRuntime

__all__ = ["Gallery"]

_HERE = Path(__file__)
_PROMPT = 120
# Bytes of all stills together, and of the largest: a saved notebook carries them.
_STILLS_BYTES, _STILL_BYTES = 42_000, 700
_STILL_WIDTHS = (96, 72, 48)
_STILL_QUALITY = (30,)


class Gallery(anywidget.AnyWidget):
    """Drafts side by side, to accept, reject or star; nothing here costs anything.

    Keys: space accepts, ``x`` rejects, ``s`` stars, the same again takes it back, ``u`` undoes the last;
    arrows move, Enter plays with sound, Escape stops; the pointer plays silently. A star is an acceptance
    too: the draft's ``verdict`` is then ``accept`` and it is ``starred``. The headless twin is
    ``await task.judge("accept")``.

    Parameters
    ----------
    drafts
        A task or several; or a `Studio`, for the drafts of its log that can still be made finals, the
        newest first.
    resolution
        Of the finals whose price is shown.

    Raises
    ------
    TypeError
        One is no `Task`.
    InvalidRequest
        No model has that resolution.

    Examples
    --------
    >>> gallery = Gallery(drafts)  # doctest: +SKIP
    >>> finals = await studio.promote(gallery.accepted)  # doctest: +SKIP
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    drafts = traitlets.List(traitlets.Dict()).tag(sync=True)
    verdicts = traitlets.Dict().tag(sync=True)
    finals = traitlets.List(traitlets.Unicode()).tag(sync=True)
    price = traitlets.Unicode("").tag(sync=True)

    def __init__(self, drafts: Studio | Task | Iterable[Task], *, resolution: str = "1080p") -> None:
        self._lock = threading.Lock()
        self._turn = asyncio.Lock()
        self._stale = False
        self._resolution = _check(resolution)
        self._tasks = {task.key: task for task in _tasks(drafts)}
        self._runtimes = list(dict.fromkeys(map(_runtime, self._tasks.values())))
        self._waiting: list[Task] = []
        self._stills: dict[str, str] = {}
        self._prices: dict[str, Estimate | None] = {}
        self._there: set[str] = set()  # keys of drafts whose final at this resolution is made or on its way
        self._plain = LiveOutput(self._picture)
        super().__init__()
        self._shelf = Shelf(self)
        self._follower = Follower(self, lambda: self._waiting)
        self.on_msg(self._on_message)
        self.refresh()
        self._unsubscribe = [runtime.registry.subscribe(self._on_row) for runtime in self._runtimes]

    @property
    def accepted(self) -> list[Task]:
        """The accepted drafts, starred ones too, in the gallery's order."""
        # as the tasks say it: what was judged elsewhere a moment ago is shown here only a little later
        return [task for task in self._tasks.values() if task.verdict == "accept"]

    @property
    def starred(self) -> list[Task]:
        """The starred drafts, in the gallery's order."""
        return [task for task in self._tasks.values() if task.starred]

    def refresh(self) -> None:
        """Look at the drafts and their verdicts again, and show what has changed."""
        seen = {key: look(task) for key, task in self._tasks.items()}
        described = self._describe(seen)
        state = self._read()
        with self._lock, self.hold_sync():
            self._waiting = [self._tasks[key] for key, clip in seen.items() if clip.waiting]
            self.drafts = described
            self._show(state)
        self._follower.start()

    def close(self) -> None:
        """Take the gallery away and stop listening; verdicts stay in the log."""
        for unsubscribe in self.__dict__.pop("_unsubscribe", ()):
            unsubscribe()
        super().close()

    def __repr__(self) -> str:
        return f"Gallery({self._summary()})"

    def _ipython_display_(self) -> None:
        display_widget(self)
        self._plain.show()

    # --- what is shown -----------------------------------------------------------------------------------

    def _describe(self, seen: Mapping[str, Clip]) -> list[dict[str, Any]]:
        told = distinguish([clip.columns for clip in seen.values()])
        starts = forks(told)
        share = min(_STILL_BYTES, _STILLS_BYTES // max(len(seen), 1))
        described = []
        for (key, clip), row in zip(seen.items(), told, strict=True):
            prompt = row.pop("prompt", "")
            known = clip.facts()
            facts = {
                "key": key,
                "ratio": round(known["width"] / known["height"], 3),
                "prompt": excerpt(prompt, around=starts.get("prompt", 0), limit=_PROMPT),
                "facts": " · ".join(f"{name} {excerpt(text, limit=_PROMPT)}" for name, text in row.items()),
                "words": clip.words,
                "still": "",
            }
            poster = self._tasks[key].poster_path
            if clip.file is not None:
                facts["clip"] = self._shelf.put(clip.file)
            if clip.file is not None and poster is not None and poster.exists():
                facts["poster"] = self._shelf.put(poster)
                if key not in self._stills:
                    self._stills[key] = _still(poster, share)
                facts["still"] = self._stills[key]
            described.append(facts)
        return described

    def _read(self) -> dict[str, Any]:
        """Verdicts and finals from the log; blocks for a read."""
        verdicts: dict[str, str] = {}
        finals: set[str] = set()
        there: set[str] = set()
        for runtime in self._runtimes:
            keys = [key for key, task in self._tasks.items() if _runtime(task) is runtime]
            verdicts |= runtime.verdicts.standing(keys)
            made = runtime.journal.finals_of(keys)
            finals.update(made)
            for key, its in made.items():
                found = self._estimate(self._tasks[key])
                if found is not None and same_final(found.request, its):
                    there.add(key)
        return {"verdicts": verdicts, "finals": sorted(finals), "there": there}

    def _show(self, state: Mapping[str, Any]) -> None:
        self.verdicts, self.finals, self._there = state["verdicts"], state["finals"], state["there"]
        self.price = self._price_note()
        self._plain.redraw()

    def _summary(self) -> str:
        given = list(self.verdicts.values())
        accepted, starred, rejected = len(self.accepted), given.count("star"), given.count("reject")
        stars = f" ({starred} starred)" if starred else ""
        undecided = len(self._tasks) - accepted - rejected
        drafts = count_text(len(self._tasks), "draft")
        return f"{drafts}: {accepted} accepted{stars}, {rejected} rejected, {undecided} undecided"

    def _picture(self) -> Bundle:
        """The plain output below, which needs no widget and no kernel."""
        text = f"{self._summary()}. The verdicts are in the log: sw.Gallery of the drafts shows them again."
        keys = ", ".join(task.key for task in self.accepted)
        listed = f"<details><summary>{escape(text)}</summary>accepted: {escape(keys) or 'none'}</details>"
        return {"text/plain": text, "text/html": f'<div style="font-size:12px">{listed}</div>'}

    def _price_note(self) -> str:
        """What finals of the accepted drafts would cost: of those that `Studio.promote` would send."""
        accepted = self.accepted
        if not accepted:
            return f"None accepted yet. The price of their finals at {self._resolution} is shown here."
        missing = [task for task in accepted if task.key not in self._there]
        known = [found for task in missing if (found := self._estimate(task)) is not None]
        costs = [found.usd_max for found in known]
        if not missing:
            cost = f"finals at {self._resolution} are there already"
        elif not known:
            cost = "none can be made a final"
        elif None in costs:
            cost = f"finals at {self._resolution}, price not known"
        else:
            about = "about" if all(found.usd is not None for found in known) else "at most"
            total = sum(usd for usd in costs if usd is not None)
            cost = f"finals at {self._resolution} {about} {usd_text(total, 2)}"
        notes = []
        if known and (rest := len(missing) - len(known)):
            notes.append(f"without {rest} that cannot be made a final")
        if missing and (there := len(accepted) - len(missing)):
            notes.append(f"{there} {'are' if there > 1 else 'is'} there already, and not paid again")
        if other := sum(task.key in self.finals for task in missing):
            notes.append(f"{other} of them with another final already")
        return f"{len(accepted)} accepted: {cost}{''.join(f' ({note})' for note in notes)}"

    def _estimate(self, task: Task) -> Estimate | None:
        """The price of a draft's final, None where none can be made."""
        if task.row.kind != "draft" or task.row.status != Status.SUCCEEDED:
            return None
        draft = task.as_draft()
        if age_problem(draft, _runtime(task).clock()):
            return None
        if task.key not in self._prices:
            try:
                request = TaskRequest.from_params(draft_task=draft, resolution=self._resolution)
                self._prices[task.key] = estimate(request)
            except InvalidRequest:
                self._prices[task.key] = None
        return self._prices[task.key]

    # --- verdicts ----------------------------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """A message; in whichever thread the kernel handles it, so that work goes to the engine."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "hello":
            self.send({"kind": "here"})
        elif kind == "judge":
            engine.submit(self._judge(str(content.get("key")), content.get("verdict")))

    async def _judge(self, key: str, verdict: Any) -> None:
        try:
            if key not in self._tasks:
                raise SeedanceError("It is not in this gallery.")
            task = self._tasks[key]
            await _runtime(task).actions.judge(task, verdict)
            self._stale = True
            await self._reread()
        except Exception as error:  # noqa: BLE001 - whatever it is, the person who pressed is told
            self.send({"kind": "refused", "key": key, "verdict": verdict, "reason": error_text(error)})
        else:
            self.send({"kind": "judged", "key": key, "verdict": verdict})

    def _on_row(self, row: TaskRow | None) -> None:
        """A row was published; this is the engine's thread."""
        of_ours = row is not None and (row.key in self._tasks or row.parent_key in self._tasks)
        if of_ours and self.comm is not None:
            self._stale = True
            engine.submit(self._reread())

    async def _reread(self) -> None:
        """Show the verdicts that the log has; of many at once only the last reads."""
        async with self._turn:
            if self._stale:
                self._stale = False
                state = await engine.write(self._read)
                with self._lock, self.hold_sync():
                    self._show(state)


def _tasks(drafts: Studio | Task | Iterable[Task]) -> list[Task]:
    if isinstance(drafts, Studio):
        runtime = drafts.runtime
        return [runtime.registry.task_of(row) for row in runtime.journal.drafts()]
    if is_frame(drafts):
        reason = (
            "is a DataFrame: give tasks, as in [await studio.task(key) for key in frame.index], or the studio"
        )
        raise InvalidRequest([Problem("drafts", "<DataFrame>", reason)])
    tasks = (
        several(drafts, "drafts")
        if isinstance(drafts, Iterable) and not isinstance(drafts, str)
        else [drafts]
    )
    for task in tasks:
        if not isinstance(task, Task):
            reason = f"a gallery shows tasks, not {type(task).__name__}; or give it the studio"
            raise InvalidRequest([Problem("drafts", shown(task), reason)])
    return tasks


def _check(resolution: str) -> str:
    known = dict.fromkeys(name for model in catalog.models() for name in model.resolutions)
    if resolution not in known:
        raise InvalidRequest([Problem("resolution", resolution, f"is none of {', '.join(known)}")])
    return resolution


def _runtime(task: Task) -> StudioRuntime:
    """What a task hangs on; its own protocol is narrower than what a gallery asks of it."""
    return cast("StudioRuntime", task.runtime)


def _still(poster: Path, max_bytes: int) -> str:
    """A tiny picture of a poster as a data URL, "" where none is that small or the poster cannot be read."""
    try:
        data = shrink(poster, max_bytes, widths=_STILL_WIDTHS, qualities=_STILL_QUALITY, kind="WEBP")
    except (OSError, ValueError, SyntaxError):
        return ""  # a tile without a picture can still be played
    return data_url(data, "image/webp") if len(data) <= max_bytes else ""
