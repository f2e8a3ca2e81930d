"""The handle that people hold on one task: its state, waiting for it, ending it, and its card.

A `Task` knows nothing of the wire or the log. It shows the newest row that its `Runtime` published, and
hands every act back to it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from seedance_widgets import catalog
from seedance_widgets.card import CardFacts, card_html, card_text
from seedance_widgets.coercion import DraftTask
from seedance_widgets.engine import engine
from seedance_widgets.errors import (
    DownloadError,
    OutcomeUnknown,
    RequestRejected,
    SeedanceError,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    WaitTimeout,
)
from seedance_widgets.media import shrunk_jpeg
from seedance_widgets.showing import current_cell, in_notebook

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from seedance_widgets.code import Code
    from seedance_widgets.request import TaskRequest

__all__ = ["Runtime", "Task", "draft_of", "model_of"]

_MICROSECONDS = 1_000_000
_CARD_SECONDS = 0.9
# cards of one task that are kept up to date; an older one keeps what it last showed
_CARDS = 4
_CARD_POSTER_WIDTH = 176
_CARD_POSTER_BYTES = 1_100


class Acts(Protocol):
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


class Runtime(Protocol):
    """What a task needs of the studio behind it."""

    @property
    def home(self) -> Path:
        """The studio's folder, absolute."""

    @property
    def acts(self) -> Acts:
        """What people may decide about it."""

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""

    def request_of(self, row: Mapping[str, Any]) -> TaskRequest:
        """The request that a row was begun with."""

    def money(self) -> tuple[float, float]:
        """Dollars settled and reserved."""


class Task:
    """One task, live or ended. Await it for its end; show it in a cell for a live card.

    Attributes are those of its newest row: None where the service has not said, and money in USD.
    """

    def __init__(self, runtime: Runtime, row: Mapping[str, Any], request: TaskRequest | None = None) -> None:
        self._runtime = runtime
        self._row = dict(row)
        self._request = request
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._cards: list[Any] = []
        self._card_drawn = 0.0
        self._shown_in: Any = None
        self._tiny: bytes | None = None
        self._given_up: Exception | None = None
        self._settle()

    # --- state -------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """Our own key of the task; its row's index, and the name of its media folder."""
        return str(self._row["key"])

    @property
    def id(self) -> str | None:
        """The service's id (``cgt-...``), None before it gave one."""
        return cast("str | None", self._row["task_id"])

    @property
    def status(self) -> str:
        """The service's six statuses, or ours: intent, unknown, not_created, rejected."""
        return str(self._row["status"])

    @property
    def request(self) -> TaskRequest:
        """What was asked for."""
        if self._request is None:
            self._request = self._runtime.request_of(self._row)
        return self._request

    @property
    def tokens(self) -> int | None:
        """Tokens billed."""
        return cast("int | None", self._row["tokens"])

    @property
    def usd(self) -> float | None:
        """Dollars billed, by the price at submission."""
        return cast("float | None", self._row["usd"])

    @property
    def seed(self) -> int | None:
        """The seed that the service used, or until it says so the one that was sent."""
        seed = self._row["seed"]
        return cast("int | None", self._row["requested_seed"] if seed is None else seed)

    @property
    def created_at(self) -> datetime:
        """When the service made the task (UTC), until known when it was begun here."""
        return datetime.fromtimestamp(self._row["created_at"] / _MICROSECONDS, UTC)

    @property
    def video_path(self) -> Path | None:
        """The saved clip."""
        return self._runtime.absolute(self._row["video_path"])

    @property
    def last_frame_path(self) -> Path | None:
        """The saved last frame, where it was asked for."""
        return self._runtime.absolute(self._row["last_frame_path"])

    @property
    def poster_path(self) -> Path | None:
        """A small JPEG of the first frame."""
        return self._runtime.absolute(self._row["poster_path"])

    @property
    def verdict(self) -> str | None:
        """``accept`` or ``reject``, None while nobody has decided; a starred clip is an accepted one."""
        return cast("str | None", self._row["verdict"])

    @property
    def error(self) -> SeedanceError | None:
        """What went wrong, as the error that awaiting raises; None where nothing did."""
        row, status = self._row, self.status
        said = ": ".join(filter(None, (row["error_code"], row["error_message"]))) or "It did not say why."
        if status == "failed":
            return TaskFailed(f"task {self.key} failed, nothing is billed. {said}", task=self)
        if status == "expired":
            return TaskExpired(
                f"task {self.key} was not finished in time and expired, nothing is billed. "
                "Send it again with a longer execution_expires_after.",
                task=self,
            )
        if status == "cancelled":
            return TaskCancelled(f"task {self.key} was cancelled, nothing is billed.", task=self)
        if status in ("rejected", "not_created"):
            what = "was refused" if status == "rejected" else "was not made"
            said = said if said.endswith((".", "!", "?")) else f"{said}."
            advice = f" What to do: {row['note']}" if row["note"] and status == "rejected" else ""
            if row["resent_as"]:
                advice = f" It was sent again as {row['resent_as']}."
            elif status == "not_created":
                advice = " `await task.resend()` sends it again."
            return RequestRejected(
                f"task {self.key} {what}, nothing is billed. {said}{advice}",
                task=self,
                code=row["error_code"],
                message=row["error_message"],
                param=row["error_param"],
                request_id=row["request_id"],
            )
        if status == "unknown":
            return OutcomeUnknown(
                f"task {self.key}: the answer to its create was lost ({row['error_message']}). It may exist "
                "and be billed; nothing is re-sent, and its cost stays reserved. It is looked for in the "
                "service's list by itself and by `await studio.resume()`; `studio.log.unknown()` shows what "
                f"is known.{self._candidates_said()}",
                task=self,
            )
        if status == "succeeded" and row["file"] in ("failed", "expired"):
            return DownloadError(
                f"task {self.key} succeeded, but its clip is not saved: {str(row['note']).rstrip('.')}. "
                "`await studio.resume()` tries again; the service keeps files for 24 hours."
            )
        return None

    def _candidates_said(self) -> str:
        ids = json.loads(self._row["candidates"] or "[]")
        return f" It may be {' or '.join(ids)}: `await task.adopt(id)` takes one." if ids else ""

    def as_draft(self) -> DraftTask:
        """The task as the draft of a final.

        Raises
        ------
        TypeError
            It has no id at the service yet.
        """
        if self.id is None:
            raise TypeError(f"task {self.key} has no id at the service yet")
        return draft_of(self._row)

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
        """
        import asyncio

        try:
            await asyncio.wait_for(engine.wait(self._ended), timeout)
        except TimeoutError:
            raise WaitTimeout(
                f"task {self.key} is {self.status} after {timeout} s; it goes on, and can be awaited again"
            ) from None
        if self._cards:
            # Once more, in the name of the cell that waited: a runner without a browser drops updates
            # that carry another cell's name.
            self._draw()
            self._cards = []
        if error := self.error or self._given_up:
            raise error
        return self

    async def cancel(self) -> Task:
        """Cancel a queued task at the service.

        Raises
        ------
        Conflict
            It runs already: the service cannot cancel it, and it will be billed if it succeeds.
        """
        await engine.bridge(self._runtime.acts.cancel(self))
        return self

    async def delete_remote(self) -> None:
        """Delete the service's record of an ended task; the row and the files here stay."""
        await engine.bridge(self._runtime.acts.delete_remote(self))

    async def adopt(self, task_id: str) -> Task:
        """Say which task at the service this one is, where the answer to its create was lost.

        Raises
        ------
        InvalidRequest
            The task has an id, or another task has this one, or it is of another model.
        ServiceError
            The service could not be asked for it.
        """
        await engine.bridge(self._runtime.acts.assign(self, task_id))
        return self

    async def abandon(self) -> Task:
        """Say that nothing came of a task whose outcome is unknown: its cost is no longer reserved.

        Raises
        ------
        InvalidRequest
            Its outcome is not unknown.
        """
        await engine.bridge(self._runtime.acts.abandon(self))
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
        task, sending = await engine.bridge(self._runtime.acts.resend(self))
        await engine.wait(sending)
        return task

    async def judge(self, verdict: str | None) -> Task:
        """Say what one thinks of the clip; it is in the log, with its time, when this returns.

        Parameters
        ----------
        verdict
            ``accept``, ``reject``, ``star`` (accepted, and better than that), or None to take the last one
            back. Every verdict stays in ``studio.log.verdicts()``; the newest is `verdict`.

        Raises
        ------
        InvalidRequest
            There is no such verdict, or no clip to judge.
        """
        await engine.bridge(self._runtime.acts.judge(self, verdict))
        return self

    def to_code(self) -> Code:
        """Python that asks for the same clip, as text; its ``curl`` is a shell command that does.

        The seed is the one that was sent, pictures are read from the home, and the key from ``ARK_API_KEY``.

        Raises
        ------
        InvalidRequest
            The task was made elsewhere: nobody knows what was asked.
        """
        from seedance_widgets.code import code_of

        return code_of(self._row, self._runtime.home, model=model_of(self._row))

    # --- showing -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return card_text(self._facts(with_poster=False))

    def _repr_html_(self) -> str:
        return card_html(self._facts())

    def _ipython_display_(self) -> None:
        self.show()

    def show(self) -> None:
        """Put a live card into the current cell's output, once a cell."""
        if not in_notebook():
            print(repr(self))  # noqa: T201 - a terminal has no place to update
            return
        from IPython.display import display

        cell = current_cell()
        if cell is not None and cell == self._shown_in:
            return
        self._shown_in = cell
        handle = display(  # type: ignore[no-untyped-call]
            self._bundle(), raw=True, display_id=True
        )
        if not self._ended.done() and handle is not None:
            self._cards = [*self._cards[1 - _CARDS :], handle]

    def _bundle(self) -> dict[str, str]:
        facts = self._facts()
        return {"text/plain": card_text(facts), "text/html": card_html(facts)}

    def _facts(self, *, with_poster: bool = True) -> CardFacts:
        row = self._row
        video = self._runtime.absolute(row["preview_path"] or row["video_path"])
        poster = self.poster_path if with_poster else None
        ended = row["finished_at"] or time.time() * _MICROSECONDS
        began = row["created_at"] if row["finished_at"] else row["intent_at"]
        error = self.error
        return CardFacts(
            key=self.key,
            status=self.status,
            model=row["model"] or "",
            prompt=row["prompt"] or ("final of a draft" if row["kind"] == "final" else ""),
            simulated=bool(row["simulated"]),
            elapsed=(ended - began) / _MICROSECONDS,
            width=row["width"],
            height=row["height"],
            frames=row["frames"],
            seed=self.seed,
            est_usd=row["est_usd"],
            usd=row["usd"],
            tokens=row["tokens"],
            spent=self._runtime.money()[0],
            task_id=self.id,
            problem=str(error) if error else None,
            note=row["note"] if not error else None,
            video=_relative(video),
            download=_relative(self.video_path),
            poster=self._card_poster(poster) if poster else None,
            until=self._forgotten_at(),
            is_draft=row["kind"] == "draft" and row["file"] == "saved",
        )

    def _forgotten_at(self) -> datetime | None:
        """When the service forgets what is still needed of it: a file that is not saved, or a draft."""
        row, rules = self._row, catalog.rules()
        if self.status != "succeeded":
            return None
        if row["file"] in ("none", "failed") and row["finished_at"]:
            ended = datetime.fromtimestamp(row["finished_at"] / _MICROSECONDS, UTC)
            return ended + timedelta(hours=rules.file_hours)
        return self.created_at + timedelta(days=rules.draft_task_days) if row["kind"] == "draft" else None

    def _card_poster(self, poster: Path) -> bytes | None:
        """Smaller still than the poster: twenty cards in a notebook carry it twenty times."""
        if self._tiny is None and poster.exists():
            from PIL import Image

            with Image.open(poster) as picture:
                self._tiny = shrunk_jpeg(picture, width=_CARD_POSTER_WIDTH, max_bytes=_CARD_POSTER_BYTES)
        return self._tiny

    # --- published by the runtime, on the engine's thread ------------------------------------------------

    def update(self, row: Mapping[str, Any] | None = None) -> None:
        """Take on a newer row, or with None let the cards show the time that has passed."""
        changed = row is not None and row["revision"] != self._row["revision"]
        if row is not None:
            self._row, self._given_up = dict(row), None
        self._settle()
        if self._cards and (changed or time.monotonic() - self._card_drawn >= _CARD_SECONDS):
            # what cannot be drawn must not stop the task
            with contextlib.suppress(Exception):
                self._draw()

    def give_up(self, error: Exception) -> None:
        """Nobody follows the task any more: whoever awaits it is told why."""
        self._given_up = error
        if not self._ended.done():
            self._ended.set_result(None)

    def _draw(self) -> None:
        self._card_drawn = time.monotonic()
        bundle = self._bundle()
        for card in self._cards:
            # a front end that is gone must not stop the task
            with contextlib.suppress(Exception):
                card.update(bundle, raw=True)

    def _settle(self) -> None:
        row = self._row
        open_status = ("intent", "queued", "running")
        waiting = row["status"] in open_status or (row["status"] == "succeeded" and row["file"] == "none")
        if waiting:
            if self._ended.done():  # resumed: there is something to wait for again
                self._ended = concurrent.futures.Future()
        elif not self._ended.done():
            self._ended.set_result(None)


def draft_of(row: Mapping[str, Any]) -> DraftTask:
    """A row that has a task id, as the draft of a final."""
    by_frames = row["duration"] is None
    return DraftTask(
        id=row["task_id"],
        model=model_of(row),
        created_at=datetime.fromtimestamp(row["created_at"] / _MICROSECONDS, UTC),
        ratio=row["ratio"],
        duration=row["duration"],
        frames=row["frames"] if by_frames else None,
        generate_audio=row["generate_audio"],
    )


def model_of(row: Mapping[str, Any]) -> str:
    """A row's model as a request names it: an endpoint with its family."""
    endpoint = str(row["wire_model"] or "")
    return f"{endpoint}@{row['model']}" if endpoint.startswith("ep-") else str(row["model"])


def _relative(path: Path | None) -> str | None:
    """As seen from the notebook, whose folder is the kernel's."""
    if path is None:
        return None
    try:
        return Path(os.path.relpath(path)).as_posix()
    except (ValueError, OSError):  # another Windows drive, or the working directory is gone
        return path.as_posix()
