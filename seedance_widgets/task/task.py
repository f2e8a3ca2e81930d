"""The handle that people hold on one task: its state, waiting for it, and what one may do about it.

A `Task` knows nothing of the wire or the log. It shows the newest row that its `Runtime` published, and
hands every act back to it. `failure` reads what went wrong with it, `from_row` what was asked for, and
`card_facts` what its card shows.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from typing import TYPE_CHECKING, Any, Never, Protocol

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import TaskError, WaitTimeout
from seedance_widgets.live_output import LiveOutput, current_cell
from seedance_widgets.task.card import as_text, card_html, card_text
from seedance_widgets.task.card_facts import Surroundings, facts_of
from seedance_widgets.task.failure import error_of
from seedance_widgets.task.from_row import draft_of, model_of, request_of
from seedance_widgets.task.input_clips import video_of
from seedance_widgets.units import micros_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime
    from pathlib import Path

    from seedance_widgets.errors import SeedanceError
    from seedance_widgets.inputs.video import VideoInput
    from seedance_widgets.live_output import Bundle
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.rules import DraftTask
    from seedance_widgets.request.task_request import TaskRequest
    from seedance_widgets.task.as_code import Code

__all__ = ["Runtime", "Task"]

logger = logging.getLogger(__name__)


class Actions(Protocol):
    """What people may decide about a task."""

    async def cancel(self, task: Task) -> None:
        """Ask the service to cancel a queued task."""

    async def delete_remote(self, task: Task) -> None:
        """Ask the service to delete the record of an ended task."""

    async def assign(self, task: Task, task_id: str) -> None:
        """Let a task have the id that a person says it has."""

    async def abandon(self, task: Task) -> None:
        """Settle an unknown outcome as never made."""

    async def judge(self, task: Task, verdict: str | None) -> None:
        """Log what a person thinks of the clip."""

    async def resend(self, task: Task) -> tuple[Task, concurrent.futures.Future[None]]:
        """Send once more what was never made: the new task, and its sending."""


class Runtime(Surroundings, Protocol):
    """What a task needs of the studio behind it."""

    @property
    def home(self) -> Path:
        """The studio's folder, absolute."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since 1970 UTC."""

    @property
    def actions(self) -> Actions:
        """What people may decide about it."""

    def check_process(self) -> None:
        """Refuse to wait in a process that does not follow the task."""

    def starred(self, key: str) -> bool:
        """Whether the verdict that stands on a task is a star."""


class Task:
    """One task, live or ended. Await it for its end; show it in a cell for a live card.

    Attributes are those of its newest row: None where the service has not said, and money in USD.
    """

    def __init__(self, runtime: Runtime, row: TaskRow, request: TaskRequest | None = None) -> None:
        self._runtime = runtime
        self._row = row
        self._request = request
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._card: LiveOutput | None = None  # made when it is shown
        self._shown_in: str | None = None
        self._given_up: Exception | None = None
        self._settle()

    # --- state -------------------------------------------------------------------------------------------

    @property
    def row(self) -> TaskRow:
        """Its newest row, for this package's own rooms: columns that are not promised to anybody."""
        return self._row

    @property
    def runtime(self) -> Runtime:
        """What is behind it, for this package's own rooms."""
        return self._runtime

    @property
    def key(self) -> str:
        """Our own key of the task; its row's index, and the name of its media folder."""
        return self._row.key

    @property
    def id(self) -> str | None:
        """The service's id (``cgt-...``), None before it gave one."""
        return self._row.task_id

    @property
    def status(self) -> str:
        """The service's six statuses, or ours: intent, unknown, not_created, rejected, withdrawn."""
        return str(self._row.status)

    @property
    def request(self) -> TaskRequest:
        """What was asked for."""
        if self._request is None:
            self._request = request_of(self._row, self._runtime.home)
        return self._request

    @property
    def tokens(self) -> int | None:
        """Tokens billed."""
        return self._row.tokens

    @property
    def usd(self) -> float | None:
        """Dollars billed, by the price at submission."""
        return self._row.usd

    @property
    def seed(self) -> int | None:
        """The seed that the service used, or until it says so the one that was sent."""
        seed = self._row.seed
        return self._row.requested_seed if seed is None else seed

    @property
    def created_at(self) -> datetime:
        """When the service made the task (UTC), until known when it was begun here."""
        return moment_of(self._row.created_at)

    @property
    def video_path(self) -> Path | None:
        """The saved clip."""
        return self._runtime.absolute(self._row.video_path)

    @property
    def last_frame_path(self) -> Path | None:
        """The saved last frame, where it was asked for."""
        return self._runtime.absolute(self._row.last_frame_path)

    @property
    def poster_path(self) -> Path | None:
        """A small JPEG of the first frame."""
        return self._runtime.absolute(self._row.poster_path)

    @property
    def verdict(self) -> str | None:
        """``accept`` or ``reject``, None while nobody has decided; a starred clip is an accepted one."""
        return self._row.verdict

    @property
    def starred(self) -> bool:
        """Whether the clip was accepted by a star; asks the log."""
        return self.verdict == "accept" and self._runtime.starred(self.key)

    @property
    def error(self) -> SeedanceError | None:
        """What went wrong, as the error that awaiting raises; None where nothing did."""
        error = error_of(self._row)
        if isinstance(error, TaskError):
            error.task = self
        return error

    def as_draft(self) -> DraftTask:
        """The task as the draft of a final.

        Raises
        ------
        InvalidRequest
            It has no id at the service.
        """
        return draft_of(self._row)

    def as_video(self) -> VideoInput:
        """The task's clip as an input of another request: ``reference_videos=[task]``.

        Raises
        ------
        MediaError
            It has no clip, or the service does not keep it any more.
        """
        return video_of(self._row, clip=self.video_path, now=micros_of(self._runtime.clock()))

    # --- waiting and ending ------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Task]:
        return self.wait().__await__()

    async def wait(self, timeout: float | None = None) -> Task:  # noqa: ASYNC109 - the contract's name
        """Wait until the task has ended and its clip is saved.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as it takes. Interrupting the wait leaves the task alone.

        Raises
        ------
        WaitTimeout
            The time is over; the task goes on and its row is untouched.
        TaskFailed, TaskExpired, TaskCancelled, RequestRejected, OutcomeUnknown
            How it ended; again each time one asks.
        DownloadError
            The clip exists but could not be saved.
        LogError
            The log was moved away, and nothing can be written; the task goes on at the service.
        """
        if not self._ended.done():
            self._runtime.check_process()
        try:
            await asyncio.wait_for(engine.wait(self._ended), None if timeout is None else float(timeout))
        except TimeoutError:
            trouble = f" Last trouble: {self.row.words}" if self.row.words else ""
            raise WaitTimeout(
                f"task {self.key} is {self.status} after {timeout} s; it goes on, and can be awaited "
                f"again.{trouble}"
            ) from None
        if self._card is not None:
            await self._card.finish()
        if error := self.error or self._given_up:
            raise error
        return self

    async def cancel(self) -> Task:
        """Withdraw what is not sent yet, which is certain and free; cancel a queued task at the service.

        Raises
        ------
        Conflict
            It runs already: the service cannot cancel it, and it will be billed if it succeeds. Or another
            kernel is about to send it.
        InvalidRequest
            It has ended, or nobody knows whether it was made.
        """
        await engine.bridge(self._runtime.actions.cancel(self))
        return self

    async def delete_remote(self) -> None:
        """Delete the service's record of an ended task; the row and the files here stay."""
        await engine.bridge(self._runtime.actions.delete_remote(self))

    async def adopt(self, task_id: str) -> Task:
        """Say which task at the service this one is, where the answer to its create was lost.

        Raises
        ------
        InvalidRequest
            The task has an id, or another task has this one, or it is of another model.
        ServiceError
            The service could not be asked for it.
        """
        await engine.bridge(self._runtime.actions.assign(self, task_id))
        return self

    async def abandon(self) -> Task:
        """Say that nothing came of a task whose outcome is unknown: its cost is no longer reserved.

        One at work is given up too where the service, which is asked first, has no record of it.

        Raises
        ------
        InvalidRequest
            Its outcome is not unknown, or the service has its record.
        """
        await engine.bridge(self._runtime.actions.abandon(self))
        return self

    async def resend(self) -> Task:
        """Send once more what was never made or was refused, as a new task.

        Returns
        -------
        Task
            The new one, accepted; this one's row says which it is.

        Raises
        ------
        InvalidRequest
            It may exist, or it was sent again already; nothing was sent.
        BudgetExceeded, RequestRejected, OutcomeUnknown
            As from `Studio.submit`.
        """
        task, sending = await engine.bridge(self._runtime.actions.resend(self))
        await engine.wait(sending)
        return task

    async def judge(self, verdict: str | None) -> Task:
        """Say what one thinks of the clip; it is in the log, with its time, when this returns.

        Parameters
        ----------
        verdict
            ``accept``, ``reject``, ``star`` (accepted, and better than that), or None to take the last one
            back. Every verdict stays in ``studio.log.verdicts()``; the newest is `verdict`, and `starred`.

        Raises
        ------
        InvalidRequest
            There is no such verdict, or no clip to judge.
        """
        await engine.bridge(self._runtime.actions.judge(self, verdict))
        return self

    def to_code(self) -> Code:
        """Python that asks for the same clip, as text; its ``curl`` is a shell command that does.

        The seed is the one that was sent, pictures are read from the home, and the key from ``ARK_API_KEY``.

        Raises
        ------
        InvalidRequest
            The task was made elsewhere: nobody knows what was asked.
        """
        from seedance_widgets.task.as_code import code_of

        return code_of(self._row, self._runtime.home, model=model_of(self._row))

    def __reduce__(self) -> Never:
        raise TypeError(
            f"a task is not pickled: keep task.key ({self.key!r}), and ask a studio of the other process "
            "for it: await studio.task(key)"
        )

    # --- showing -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self._bundle(with_poster=False)["text/plain"]

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def _ipython_display_(self) -> None:
        self.show()

    def show(self) -> None:
        """Put a live card into the current cell's output, once a cell."""
        cell = current_cell()
        if cell is None or cell != self._shown_in:
            self._shown_in = cell
            self._card = self._card or LiveOutput(self._bundle)
            self._card.show(live=not self._ended.done())

    def _bundle(self, *, with_poster: bool = True) -> Bundle:
        """The card. It asks nothing of the log, and never raises: whatever is odd, the task is named."""
        try:
            facts = facts_of(self._row, self._runtime, self.error, with_poster=with_poster)
            return {"text/plain": card_text(facts), "text/html": card_html(facts)}
        except Exception:
            logger.debug("the card of task %s could not be made", self.key, exc_info=True)
            name = f"Task {self.key} · {self.status}"
            return {"text/plain": name, "text/html": f"<div>{as_text(name)}</div>"}

    # --- published by the runtime, on the engine's thread ------------------------------------------------

    def update(self, row: TaskRow | None = None) -> None:
        """Take on a newer row, or with None let its card show the time that has passed."""
        if row is not None:
            self._row, self._given_up = row, None
        self._settle()
        if self._card is not None:
            self._card.redraw()

    def give_up(self, error: Exception) -> None:
        """Nobody follows the task any more: whoever awaits it is told why."""
        self._given_up = error
        if not self._ended.done():
            self._ended.set_result(None)

    def interrupt(self, error: Exception) -> None:
        """Tell whoever awaits the task now of a trouble; it is followed all the same."""
        ended, self._ended = self._ended, concurrent.futures.Future()
        if not ended.done():
            ended.set_exception(error)

    def _settle(self) -> None:
        if self._row.is_waiting:
            if self._ended.done():  # resumed: there is something to wait for again
                self._ended = concurrent.futures.Future()
        elif not self._ended.done():
            self._ended.set_result(None)
