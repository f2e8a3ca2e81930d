"""A chain of clips: each begins with the last frame of the one before it.

What a link is follows from its definition: all that decides its picture, in it and in the links before it.
The hash of that stands in the link's row. So a chain that is asked for again finds the links that it has,
whatever became of the kernel that made them, and another prompt for the third link leaves the first two as
they are.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import (
    ChainStopped,
    InvalidRequest,
    MediaError,
    OutcomeUnknown,
    Problem,
    SeedanceError,
)
from seedance_widgets.inputs.given import names_path, path_of_text
from seedance_widgets.inputs.image import Image, load_image
from seedance_widgets.live_output import LiveOutput, in_notebook
from seedance_widgets.log.row import FINAL, UNCLEAR, FileState, Status
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.media.video_file import last_picture
from seedance_widgets.recovery.reconcile import LONGEST_LOOK_SECONDS
from seedance_widgets.request.from_body import visible_part
from seedance_widgets.request.pricing import estimate
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.task.card import as_text
from seedance_widgets.task.progress import Progress
from seedance_widgets.task.task import Task
from seedance_widgets.units import cost_text, count_text, relative_path, usd_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedance_widgets.live_output import Bundle
    from seedance_widgets.log.budget import Budget
    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.runtime import StudioRuntime

    Told = Callable[[int, int, Task], object]

__all__ = ["Chain", "Link", "find_links", "given_prompts", "source_of"]

_NOT_HERE = {
    "prompt": "a chain has one prompt a link: they are its first argument",
    "last_frame": "a link ends as it will: the next one begins with its last frame",
    "reference_images": "a link begins with a picture, which goes together with no references",
    "reference_videos": "a link begins with a picture, which goes together with no references",
    "reference_audios": "a link begins with a picture, which goes together with no references",
    "draft_task": "a link begins with a picture, and a final with its draft",
    "return_last_frame": "is on: the next link begins with that picture",
    "draft": "a draft gives no last frame, and the next link begins with it",
}
_STAND_IN = "the last frame of the link before"


@dataclass(frozen=True, slots=True)
class Link:
    """One clip of a chain: its number from 1, its request, what it will cost, and what makes it the same one.

    The first frame of all but the first link's request is a stand-in.
    """

    number: int
    estimate: Estimate
    identity: str

    @property
    def request(self) -> TaskRequest:
        """The request of this link, without its first frame."""
        return self.estimate.request


def find_links(
    prompts: Sequence[str],
    ways: Sequence[Mapping[str, Any]],
    *,
    journal: Journal,
    first_frame: Any,
    seed: Any,
    name: str,
) -> list[Link]:
    """Check all links of a chain, and find the way in which it was begun.

    Parameters
    ----------
    prompts, first_frame, seed, name
        As `Studio.chain` takes them, the first frame as a picture.
    ways
        The other fields of a link as they are filled in today, then as they may have been at an earlier time.
        A chain that the log has in one of these is taken up in it.
    journal
        Of the log; blocks for reads of it.

    Raises
    ------
    InvalidRequest
        A link has a problem, as it would be made today; ``problems`` has those of all links.
    """
    tried: list[list[Link] | InvalidRequest] = []
    for way in ways:
        try:
            links = _links_of(prompts, first_frame=first_frame, seed=seed, name=name, params=way)
        except InvalidRequest as error:
            tried.append(error)
            continue
        if links and journal.link(links[0].identity):
            return links
        tried.append(links)
    today = tried[0]
    if isinstance(today, InvalidRequest):
        raise today
    return today


def _links_of(
    prompts: Sequence[str], *, first_frame: Any, seed: Any, name: str, params: Mapping[str, Any]
) -> list[Link]:
    """Check all links of a chain.

    Raises
    ------
    InvalidRequest
        A link has a problem; ``problems`` has those of all links.
    """
    problems: dict[str, Problem] = {}
    _check(prompts, seed, params, problems)
    if problems:
        raise InvalidRequest(list(problems.values()))
    seeds = list(seed) if _is_many(seed) else [seed] * len(prompts)
    links: list[Link] = []
    identity, picture = name, first_frame
    for number, (prompt, own_seed) in enumerate(zip(prompts, seeds, strict=True), 1):
        try:
            request = TaskRequest.from_params(
                prompt, first_frame=picture, seed=own_seed, **{**params, "return_last_frame": True}
            )
        except InvalidRequest as error:
            for problem in error.problems:
                problems.setdefault(f"{problem}", problem)
            continue
        guess = estimate(request)
        identity = _identity(identity, request)
        links.append(Link(number, guess, identity))
        picture = Image(_STAND_IN, url=_STAND_IN, width=guess.width, height=guess.height)
    if problems:
        raise InvalidRequest(list(problems.values()))
    return links


def _check(
    prompts: Sequence[str], seed: Any, params: Mapping[str, Any], problems: dict[str, Problem]
) -> None:
    for name, reason in _NOT_HERE.items():
        value = params.get(name)
        if value is not None and value is not (name == "return_last_frame"):
            problems[name] = Problem(name, value if isinstance(value, bool) else f"<{name}>", reason)
    if not isinstance(prompts, list):
        problems["prompts"] = Problem("prompts", prompts, "a list, one prompt a link", nearest=[prompts])
    elif _is_many(seed) and len(list(seed)) != len(prompts):
        problems["seed"] = Problem("seed", list(seed), f"one for all links, or {len(prompts)}")


def given_prompts(prompts: Any) -> Any:
    """The prompts as a list: of a table those of its column ``prompt``, or of its only one."""
    if isinstance(prompts, str) or not isinstance(prompts, Iterable):
        return prompts
    given = several(prompts, "prompts")
    if not is_frame(prompts):
        return given
    columns = {name: None for row in given for name in row}
    name = "prompt" if "prompt" in columns else next(iter(columns), "prompt")
    if name != "prompt" and len(columns) > 1:
        reason = 'is a DataFrame without a column "prompt"; a chain takes one prompt a link: frame["..."]'
        raise InvalidRequest([Problem("prompts", "<DataFrame>", reason)])
    return [row.get(name, "") for row in given]


def _is_many(seed: Any) -> bool:
    return hasattr(seed, "__len__") and not isinstance(seed, str)


def _identity(before: str, request: TaskRequest) -> str:
    seen = visible_part(request.to_dict(address=lambda medium: medium.sha256 or medium.data_url))
    definition = json.dumps([before, seen], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(definition.encode()).hexdigest()


class Chain:
    """The links of one chain, made one after the other.

    Parameters
    ----------
    runtime
        Of the studio.
    links
        As `find_links` gives them.
    budgets
        Those that count.
    parent
        Key of the task whose last frame the first link begins with, None if it is of no task.
    progress
        Called with the link's number, how many there are, and its task, when that is accepted and when its
        clip is saved.
    """

    def __init__(
        self,
        runtime: StudioRuntime,
        links: Sequence[Link],
        *,
        budgets: Sequence[Budget],
        parent: str | None,
        progress: Told | None,
    ) -> None:
        self._runtime = runtime
        self._links = links
        self._budgets = budgets
        self._parent = parent
        self._progress = progress
        self._output = LiveOutput(self._picture)
        # a script has a line on its terminal instead
        self._bar = None if in_notebook() else Progress("chain", len(links), unit="link")
        self._news = ""
        self._tasks: list[Task] = []
        self._current: Task | None = None
        self._sent = 0

    async def make(self) -> list[Task]:
        """Make the links that are missing, take those that are there.

        Raises
        ------
        BudgetExceeded
            The budget does not cover the missing links; nothing was sent.
        ChainStopped
            A link was not made.
        """
        missing = [Order(link.estimate) for link in self._links if await self._row(link) is None]
        await engine.bridge(engine.write(self._runtime.journal.check, missing, budgets=self._budgets))
        try:
            for link in self._links:
                self._current = None
                try:
                    task = await self._make_link(link)
                except SeedanceError as error:
                    self._draw(f"stopped at link {link.number} of {len(self._links)}")
                    raise self._stop_error(link, error) from error
                self._tasks.append(task)
                self._current = None
                self._tell(task, link.number)
        finally:
            await self._output.finish()
            if self._bar is not None:
                await self._bar.finish(len(self._tasks), self._news)
        return self._tasks

    async def _make_link(self, link: Link) -> Task:
        row = await self._row(link)
        if row is not None and self._waits(row):
            # left behind by a kernel that has gone, or looked after by another one
            await engine.bridge(self._runtime.resume())
            row = await self._settle(row.key)
        if row is None or (row.status in FINAL and row.status != Status.SUCCEEDED):
            row = await self._begin(link)
        self._current = task = await engine.bridge(self._runtime.task(row.key))
        if row.file != FileState.SAVED:
            self._tell(task, link.number)
        return await task

    async def _begin(self, link: Link) -> TaskRow:
        request, parent = link.request, self._parent
        if self._tasks:
            request = request.replace(first_frame=_last_frame(self._tasks[-1]))
            parent = self._tasks[-1].key
        begin = self._runtime.outbox.begin(
            request, budgets=self._budgets, columns={"parent_key": parent, "chain": link.identity}
        )
        try:
            task, sending = await engine.bridge(begin)
        except InvalidRequest:
            if row := await self._row(link):  # begun elsewhere at the same moment
                await engine.bridge(self._runtime.resume())
                return row
            raise
        self._current = task
        self._sent += 1
        try:
            await engine.wait(sending)
        except OutcomeUnknown:
            row = await self._settle(task.key)
            if row.task_id is None:  # to send it again is for a person to say, by calling again
                raise
            return row
        return await engine.bridge(self._reread(task.key))

    async def _settle(self, key: str) -> TaskRow:
        """Wait until a listing of the service says what became of a row; returns the row."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_LOOK_SECONDS
        row = await engine.bridge(self._reread(key))
        if row.status == Status.UNKNOWN:
            self._draw(f"link {len(self._tasks) + 1} of {len(self._links)}: looking for it at the service")
            await engine.bridge(self._runtime.resume())
            row = await engine.bridge(self._reread(key))
        while row.status == Status.UNKNOWN and row.task_id is None and loop.time() < until:
            await asyncio.sleep(1.0)
            row = await engine.bridge(self._reread(key))
        return row

    def _waits(self, row: TaskRow) -> bool:
        """Whether a row is unfinished and nothing in this process follows it."""
        over = row.status in FINAL and (row.status != Status.SUCCEEDED or row.file == FileState.SAVED)
        return not over and not self._runtime.follows(row.key)

    async def _row(self, link: Link) -> TaskRow | None:
        async def read() -> TaskRow | None:
            return await engine.write(self._runtime.journal.link, link.identity)

        return await engine.bridge(read())

    async def _reread(self, key: str) -> TaskRow:
        return await engine.write(self._runtime.journal.row, key)

    # --- saying what happens -----------------------------------------------------------------------------

    def _stop_error(self, link: Link, error: SeedanceError) -> ChainStopped:
        paid = sum(task.usd or 0.0 for task in self._tasks)
        count = len(self._tasks)
        kept = f"{count_text(count, 'link')} before it {'is' if count == 1 else 'are'} made and kept"
        unclear = self._current is not None and self._current.status in UNCLEAR
        aside = " What this one may cost stays reserved." if unclear else ""
        if self._current is not None and self._current.status == Status.SUCCEEDED:
            aside = " Where its clip is lost for good, another `name` makes the chain anew."
        return ChainStopped(
            f"link {link.number} of {len(self._links)} was not made: {error}\n"
            f"{kept}, for {usd_text(paid)}.{aside} To go on with link {link.number}, call studio.chain again "
            "with the same arguments, or with other ones for the links from here on: no link is paid twice.",
            link=link.number,
            tasks=self._tasks,
            task=self._current,
        )

    def _tell(self, task: Task, number: int) -> None:
        if self._progress is not None:
            self._progress(number, len(self._links), task)
        self._draw(self._standing())

    def _standing(self) -> str:
        """How far the chain is, and what it has cost."""
        made, wanted = len(self._tasks), len(self._links)
        costs = [task.usd for task in self._tasks]
        cost = cost_text(None if None in costs else sum(usd or 0.0 for usd in costs))
        said = f"{made} of {wanted} links made, {cost}"
        if made < wanted:
            return f"{said}; link {made + 1} is on its way" if self._current else said
        if found := made - self._sent:
            said += f", of which {found} {'was' if found == 1 else 'were'} there already and paid before"
        return said

    def _draw(self, news: str) -> None:
        is_first, self._news = not self._news, news
        if is_first and in_notebook():
            self._output.show()
        self._output.redraw()
        if self._bar is not None:
            self._bar.show(len(self._tasks), news)

    def _picture(self) -> Bundle:
        lines, cells = [], []
        for link in self._links:
            at = link.number - 1
            task = self._tasks[at] if at < len(self._tasks) else None
            if task is None and at == len(self._tasks):
                task = self._current
            cost = link.estimate.usd_max if task is None or task.usd is None else task.usd
            parts = (
                str(link.number),
                task.status if task else "to come",
                task.key if task else "",
                cost_text(cost),
                textwrap.shorten(link.request.prompt, 60, placeholder=" …"),
            )
            lines.append("  ".join(filter(None, parts)))
            left = "".join(f'<td style="text-align:left">{as_text(part)}</td>' for part in parts)
            cells.append(f"<tr>{left}</tr>")
        table = f'<table style="font-size:12px;font-variant-numeric:tabular-nums">{"".join(cells)}</table>'
        return {
            "text/plain": "\n".join([*lines, self._news]),
            "text/html": f"{table}<small>{as_text(self._news)}</small>",
        }


def source_of(first_frame: Any, runtime: StudioRuntime) -> tuple[Any, str | None]:
    """The first picture of a chain, and the key of the task whose last frame that picture is.

    Parameters
    ----------
    first_frame
        A picture, as a request takes it; or a task, its key, or its id.
    runtime
        Of the studio; blocks for a read of its log.

    Raises
    ------
    InvalidRequest
        The first frame is given as a task, and that task has no picture.
    """
    is_path = isinstance(first_frame, Path) or (isinstance(first_frame, str) and names_path(first_frame))
    if isinstance(first_frame, str) and is_path and (row := runtime.journal.by_name(first_frame)):
        first_frame = runtime.registry.task_of(row)
    if isinstance(first_frame, Task):
        try:
            return _last_frame(first_frame), first_frame.key
        except MediaError as error:
            raise InvalidRequest([Problem("first_frame", first_frame.key, str(error))]) from None
    if is_path:
        path = path_of_text(str(first_frame)).resolve()
        row = runtime.journal.with_last_frame(relative_path(path, runtime.home))
        return first_frame, row.key if row else None
    return first_frame, None


def _last_frame(task: Task) -> Image:
    """The last frame of a task's clip: the file that the service sent, else decoded from the clip.

    Raises
    ------
    MediaError
        Neither the last frame nor the clip is saved.
    """
    path, clip = task.last_frame_path, task.video_path
    if path is not None and path.exists():
        return load_image(path)
    if clip is None or not clip.exists():
        raise MediaError(f"task {task.key} has neither a saved last frame nor its clip")
    return load_image(last_picture(clip))
