"""The studio: one folder with a log and files, and a client that fills them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, overload

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.callsite import point_warnings_here, warn
from seedance_widgets.drafts.promotion import age_problem, keys_of_drafts, plan_finals
from seedance_widgets.errors import InvalidRequest, MissingAPIKey, Problem, RetiredModelWarning, SeedanceError
from seedance_widgets.live_output import bundle_of, in_notebook, show_once
from seedance_widgets.log.budget import Budget, budgets_of
from seedance_widgets.log.learned_prices import BILLS, expect_as_billed
from seedance_widgets.log.row_mapping import columns_from_draft
from seedance_widgets.log.tag_rows import tags_read
from seedance_widgets.modelark.credentials import Key, is_byteplus
from seedance_widgets.request.defaults import Defaults
from seedance_widgets.request.pricing import estimate
from seedance_widgets.request.rules import shown
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.runtime import join, leave
from seedance_widgets.sending.limits import Limits
from seedance_widgets.simulator import Simulator
from seedance_widgets.stories.chain import Chain, find_links, given_prompts, source_of
from seedance_widgets.task.from_row import draft_of
from seedance_widgets.task.input_clips import renew_links
from seedance_widgets.task.task import Task
from seedance_widgets.unawaited import says_unsent
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from types import TracebackType

    import pandas as pd

    from seedance_widgets.batch.batch import Batch
    from seedance_widgets.drafts.promotion import Finals
    from seedance_widgets.following.stopping import Stopped
    from seedance_widgets.following.webhook import Webhook
    from seedance_widgets.log import Log
    from seedance_widgets.log.row import RowChanges, TaskRow
    from seedance_widgets.recovery.elsewhere import Elsewhere
    from seedance_widgets.recovery.resume_result import Resumed
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.runtime import StudioRuntime
    from seedance_widgets.stories.chain import Link
    from seedance_widgets.study.study import Study

__all__ = ["Studio", "check_request", "request_from", "warn_if_retired"]

_warned: set[str] = set()


T = TypeVar("T")


class Studio:
    """Generate videos, and find every task, its parameters, cost and files in one folder.

    Parameters
    ----------
    home
        Folder of the log, clips and input pictures; made if it is not there.
    api_key
        Of ModelArk; by default from ``ARK_API_KEY``.
    base_url
        By default from ``ARK_BASE_URL``, else the public ap-southeast address.
    simulate
        True for the embedded simulator (no key, no network, nothing billed), or a `Simulator`.
    budget_usd
        Cap on dollars spent and reserved by this log's tasks; a request beyond it is refused unsent. A
        `Budget` is one a month, a day or for some tags; several count all at once.
    log
        Another place for the log: a SQLite path, or an SQLAlchemy URL such as a team's PostgreSQL.
    media
        Another folder for clips.
    limits
        How fast and how much is sent, where that is not to be the catalog's. Of several studios on a home in
        one process those of the first count.
    defaults
        What requests take that leave it open, as in ``{"model": "seedance-2.5", "resolution": "480p"}``: any
        fields of `TaskRequest` but prompt, pictures, draft and seed. The model is the catalog's otherwise.
    file_hosts
        Hosts such as ``"10.0.0.5"`` that clips may be fetched from although they are addresses of this
        network. A link to any other of those is not followed, unless ``base_url`` is one itself.
    clock
        Seconds since 1970 UTC.

    Raises
    ------
    MissingAPIKey
        There is no key and no simulator.
    LogError
        The log cannot be opened.
    InvalidRequest
        The key, the base URL, the budget or ``simulate`` is none, or the defaults make no legal request.
    """

    def __init__(
        self,
        home: Path | str = "runs",
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        simulate: bool | Simulator = False,
        budget_usd: float | Budget | Sequence[float | Budget] | None = None,
        log: Path | str | None = None,
        media: Path | str | None = None,
        limits: Limits | None = None,
        defaults: Mapping[str, Any] | None = None,
        file_hosts: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.home = Path(home).expanduser().resolve()
        own_budgets = budgets_of(budget_usd)
        base_url = base_url or os.environ.get("ARK_BASE_URL")
        self._defaults = Defaults(defaults, clock=clock, is_byteplus=bool(simulate) or is_byteplus(base_url))
        # a verbose traceback prints locals and arguments into the notebook
        key, api_key = Key(api_key or os.environ.get("ARK_API_KEY")), None
        if not isinstance(simulate, bool | Simulator):
            problem = Problem("simulate", shown(simulate), "must be True, False or a Simulator")
            raise InvalidRequest([problem], refused="there is no such studio")
        if not simulate and not key:
            raise MissingAPIKey
        self._runtime, self._shared_by = join(
            self.home,
            key=key,
            base_url=base_url,
            simulate=simulate,
            log=log or self.home / "log.sqlite",
            media=None if media is None else Path(media).expanduser().resolve(),
            limits=limits or Limits(),
            clock=clock,
        )
        self._runtime.client.file_hosts.update([file_hosts] if isinstance(file_hosts, str) else file_hosts)
        self._set_budgets(own_budgets)
        if limits is not None and limits != self._runtime.limits:
            warn(
                f"{self.home} is open already, and its first limits count until all its studios are closed",
                UserWarning,
            )
        self._closed = False
        self._webhooks: list[Webhook] = []

    # --- making videos -----------------------------------------------------------------------------------

    @says_unsent
    async def submit(
        self,
        prompt_or_request: str | TaskRequest = "",
        /,
        *,
        tags: Mapping[str, Any] | None = None,
        note: str | None = None,
        **params: Any,
    ) -> Task:
        """Send one request; returns when the service has accepted it, not when the clip is done.

        Parameters
        ----------
        prompt_or_request
            The prompt, with the fields of `TaskRequest` as keywords; or a request.
        tags
            What to call the task, as in ``{"campaign": "spring"}``: columns ``tags.campaign`` of the log. Not
            sent.
        note
            For people; not sent.

        Raises
        ------
        InvalidRequest, BudgetExceeded, MediaError
            Refused here; nothing was sent.
        RequestRejected
            Refused by the service; nothing was made.
        OutcomeUnknown
            The answer was lost; the row says so, and nothing is re-sent.
        """
        return await self._submit(prompt_or_request, params, tags=tags, note=note, show=False)

    @says_unsent
    async def generate(
        self,
        prompt_or_request: str | TaskRequest = "",
        /,
        *,
        tags: Mapping[str, Any] | None = None,
        note: str | None = None,
        **params: Any,
    ) -> Task:
        """`submit` and wait for the clip; in a notebook a live card shows the way there."""
        task = await self._submit(prompt_or_request, params, tags=tags, note=note, show=True)
        return await task

    @overload
    async def promote(
        self,
        drafts: Task | str | Mapping[str, Any],
        resolution: str | None = "1080p",
        *,
        again: bool = False,
        **overrides: Any,
    ) -> Task: ...
    @overload
    async def promote(
        self,
        drafts: Iterable[Task | str | Mapping[str, Any]] | pd.DataFrame,
        resolution: str | None = "1080p",
        *,
        again: bool = False,
        **overrides: Any,
    ) -> Sequence[Task]: ...
    async def promote(
        self,
        drafts: Task | str | Mapping[str, Any] | Iterable[Task | str | Mapping[str, Any]] | pd.DataFrame,
        resolution: str | None = "1080p",
        *,
        again: bool = False,
        **overrides: Any,
    ) -> Task | Sequence[Task]:
        """Make finals of drafts: all are checked, priced and reserved before the first is sent.

        A final reuses its draft's model, prompt, pictures, sound, seed, ratio, length and camera, and is
        billed in full. The prices are shown before anything is sent. A final that is made or on its way
        already with the same values would be the same clip: it is taken, as when a cell is run again, and
        is not paid again.

        Parameters
        ----------
        drafts
            A draft, or several: tasks, their keys or task ids, rows as from `drafts`, or a DataFrame of the
            log's rows.
        resolution
            Of the finals; None leaves it to the service.
        again
            Whether a final is made and paid once more where the same one is there.
        **overrides
            What else a final may set: ``watermark``, ``service_tier``, ``return_last_frame``,
            ``execution_expires_after``, ``callback_url``, ``safety_identifier``, ``priority``.

        Returns
        -------
        Task or list of Task
            One for one draft, accepted. For several a list in their order, sent behind what people ask for
            one by one; one that is refused stops none of the others, and its ``error`` says why. For no
            drafts an empty list, which is said.

        Raises
        ------
        InvalidRequest
            With the problems of all drafts: not a succeeded draft, older than 7 days, an override that a
            final cannot have. Nothing was sent.
        BudgetExceeded
            The budget does not cover all of them; nothing was sent.
        RequestRejected, OutcomeUnknown
            Of a single draft, as from `submit`.
        """
        wanted, alone = keys_of_drafts(drafts)

        def make_plan() -> Finals:
            plan = plan_finals(
                self._runtime.journal,
                wanted,
                {"resolution": resolution, **overrides},
                now=self._runtime.clock(),
                left=self.left,
                again=again,
            )
            for final in plan.missing:
                warn_if_retired(self._runtime, final.request)
            return plan

        plan = await _aside(make_plan)
        show_once(bundle_of(plan))
        there = {final.there.key for final in plan.finals if final.there is not None}
        if there and there.intersection(row.key for row in self._runtime.unfollowed()):
            await self.resume()  # left behind by a kernel that has gone
        begun = await engine.bridge(
            self._runtime.outbox.begin_all(
                [(final.request, columns_from_draft(final.draft)) for final in plan.missing],
                budgets=self.own_budgets,
                lane="interactive" if alone else "batch",
            )
        )
        for _, sending in begun:
            # of several each has its own error, and none may keep the others from being waited for
            with contextlib.suppress(*(() if alone else (SeedanceError,))):
                await engine.wait(sending)
        sent = iter(begun)
        finals = [
            next(sent)[0] if final.there is None else await self.task(final.there.key)
            for final in plan.finals
        ]
        return finals[0] if alone else finals

    @says_unsent
    async def chain(
        self,
        prompts: Sequence[str],
        *,
        first_frame: Any = None,
        seed: int | Sequence[int] | None = None,
        name: str = "",
        progress: Callable[[int, int, Task], object] | None = None,
        **params: Any,
    ) -> Sequence[Task]:
        """Make clips one after the other, each beginning with the last frame of the one before.

        That frame is the service's own PNG, sent on as it came. Called again with the same arguments, after
        an error, a closed or a killed kernel, the chain goes on where it stopped: what is made or on its way
        is taken, a link whose outcome is unknown is looked for first, and no link is paid twice. Links keep
        their clip as long as nothing changes that is seen in it or in a link before it.

        Parameters
        ----------
        prompts
            One a link: a list, a Series, or a DataFrame with a column ``prompt``.
        first_frame
            What the first link begins with: a picture, or a task whose last frame it is, or that task's key
            or id. None for none.
        seed
            One for all links, or one each.
        name
            Tells chains apart that are the same otherwise: another name makes another chain.
        progress
            Called as ``progress(link, links, task)``, counted from 1, when a link's task is accepted and when
            its clip is saved.
        **params
            Further fields of every link's `TaskRequest`.

        Returns
        -------
        list of Task
            One a link, all of them saved.

        Raises
        ------
        InvalidRequest
            With the problems of all links; nothing was sent.
        BudgetExceeded
            The budget does not cover the links that are missing; nothing was sent.
        ChainStopped
            A link was not made: which, what is paid, how to go on. Its ``__cause__`` says what went wrong.
        """

        def make_links() -> tuple[Sequence[Link], str | None]:
            given = given_prompts(prompts)
            picture, parent = source_of(first_frame, self._runtime)
            said = "\n".join(map(str, given)) if isinstance(given, list | tuple) else ""
            ways = (self._defaults.fill(params, said), *self._defaults.earlier(params, said))
            links = find_links(
                given, ways, journal=self._runtime.journal, first_frame=picture, seed=seed, name=name
            )
            if links:
                warn_if_retired(self._runtime, links[0].request)
            return links, parent

        links, parent = await _aside(make_links)
        return await Chain(
            self._runtime, links, budgets=self.own_budgets, parent=parent, progress=progress
        ).make()

    @says_unsent
    async def rerun(self, key: str | Task, **changes: Any) -> Task:
        """Send a task's request again, with other values for some of its fields; asks nothing.

        Parameters
        ----------
        key
            Of the task, or the task.
        **changes
            Fields of `TaskRequest`, as in ``seed=12``; without any, the same clip is asked for once more.

        Returns
        -------
        Task
            A new one, accepted, as from `submit`.

        Raises
        ------
        LogError
            There is no such task.
        InvalidRequest
            It was made elsewhere and nobody knows what was asked; or the request is not legal now.
        BudgetExceeded, RequestRejected, OutcomeUnknown
            As from `submit`.
        """
        task = key if isinstance(key, Task) else await self.task(key)
        return await self.submit(task.request, **changes)

    async def _submit(
        self,
        prompt_or_request: str | TaskRequest,
        params: dict[str, Any],
        *,
        tags: Mapping[str, Any] | None,
        note: str | None,
        show: bool,
    ) -> Task:
        called = tags_read(tags)
        if note is not None and not isinstance(note, str):
            raise InvalidRequest([Problem("note", shown(note), "must be a text")])
        if not isinstance(prompt_or_request, TaskRequest):
            params = self._defaults.fill(params, prompt_or_request)
        request, columns = await check_request(self._runtime, prompt_or_request, params)
        work = self._runtime.outbox.begin(
            request, budgets=self.own_budgets, columns={**columns, "note": note or None}, tags=called
        )
        task, sending = await engine.bridge(work)
        if show and in_notebook():
            task.show()
        await engine.wait(sending)
        return task

    def estimate(
        self,
        request: TaskRequest | str | None = None,
        /,
        *,
        image_size: tuple[int, int] | None = None,
        **params: Any,
    ) -> Estimate:
        """`sw.estimate` with this studio's defaults, and with what the bills in its log teach.

        Where the bills of at least five of the last tasks of the same model, mode and kind stand in one
        ratio to the formula, within 2 %, ``tokens`` and ``usd`` follow it, and a note says so. The bounds
        stay the formula's, or are higher where a bill was.

        Raises
        ------
        InvalidRequest
            As from `sw.estimate`.
        """
        if not isinstance(request, TaskRequest):
            params = self._defaults.fill(params, request or "")
        known = estimate(request, image_size=image_size, **params)
        asked = known.request
        billed = self._runtime.journal.billed(asked.spec, asked.mode, asked.kind, BILLS)
        return expect_as_billed(known, billed)

    # --- studies -----------------------------------------------------------------------------------------

    def study(
        self,
        name: str,
        arms: Mapping[str, str | Mapping[str, Any]],
        items: Sequence[str | Mapping[str, Any]] | None = None,
        seeds: int | Sequence[int] = 2,
        *,
        criteria: Sequence[str] = (),
        **params: Any,
    ) -> Study:
        """Compare arms on the same items and seeds. Nothing is sent before ``await study.run()``.

        The definition is kept in the log: the same call gives the same study, with what it has so far.

        Parameters
        ----------
        name
            Of the study in this home.
        arms
            Name to prompt template, or to a dict of any parameters of a request.
        items
            Subjects that every arm is made of: texts, which take the place of ``{item}``, or dicts, each
            value of which takes the place of ``{key}`` (a picture too, where a parameter is nothing but
            ``{key}``). An item's ``"name"`` names it in tables.
        seeds
            The same for all arms: a list, or how many are drawn, once.
        criteria
            What each pair is judged by, as in ``("motion", "look")``; by default preference.
        **params
            Parameters that all arms share.

        Raises
        ------
        InvalidStudy
            It makes no sense, or the log has another study of this name; the message says what differs.
        InvalidRequest
            An arm's requests would be refused; every fault is in ``problems``.
        """
        from seedance_widgets.study.study import Study

        return Study.define(self, name, arms, items=items, seeds=seeds, criteria=criteria, params=params)

    # --- tables of requests ------------------------------------------------------------------------------

    def batch(
        self,
        table: Any,
        *,
        prompt: str | None = None,
        name: str | None = None,
        tags: Collection[str] | Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Batch:
        """A table of requests, a clip a row. Nothing is sent before ``await batch.run()``.

        Columns named as fields of `TaskRequest` are taken, ``note`` is the task's note, and other columns
        become its tags. Empty cells are absent. Run again, after a crash or by mistake, the batch takes what
        is made or on its way; an edited row is a new clip.

        Parameters
        ----------
        table
            A DataFrame, a CSV or Parquet file, a list of dicts, of `TaskRequest` or of prompts. Relative
            paths of pictures in a file go from its folder.
        prompt
            Template in which ``{column}`` is replaced; by default the column ``prompt``.
        name
            Of the batch; by default a hash of all its rows.
        tags
            Columns that are tags although they are named nearly like a field; or a dict of tags for all rows.
        **params
            Fields of every row that leaves them open.

        Raises
        ------
        InvalidRequest
            The table cannot be read, or a column is named nearly like a field.
        """
        from seedance_widgets.batch.batch import Batch

        return Batch(self, table, prompt=prompt, name=name, tags=tags, params=params)

    async def measure(self, tasks: Any, metrics: Any = None, *, progress: bool = True) -> pd.DataFrame:
        """Figures of saved clips, such as how much they move; kept in the log as ``metrics.motion``.

        Clips are measured in processes of their own. What is known of a clip, by its hash and by the version
        of what measures, is not measured again; a figure that could not be had is tried again.

        Parameters
        ----------
        tasks
            Tasks, keys, or a DataFrame of the log's rows.
        metrics
            Names of figures (`metrics.table` shows them), functions, or a dict of names to functions. A
            function takes the clip's `pathlib.Path` and gives a number, or a dict of numbers. Its version is
            its attribute ``version``, or a hash of its own code. By default all figures that are built in.
        progress
            Whether to show how far it is.

        Returns
        -------
        pandas.DataFrame
            A row a task, a column a figure; ``trouble`` says why one could not be had.

        Raises
        ------
        InvalidRequest
            There is no such figure; nothing was measured.
        LogError
            There is no such task; nothing was measured.
        """
        from seedance_widgets.drafts.measuring import measure_tasks

        return await measure_tasks(self._runtime, tasks, metrics, progress=progress)

    # --- tasks at the service ----------------------------------------------------------------------------

    async def list(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        task_ids: Sequence[str] = (),
        service_tier: str | None = None,
        page_num: int | None = None,
        page_size: int | None = None,
    ) -> Sequence[dict[str, Any]]:
        """What the service has of the last 7 days, newest first, as it says it.

        ``service_tier`` left out looks at the default tier only: flex has a list of its own.
        """
        self._runtime.check_open()
        answer = await engine.bridge(
            self._runtime.client.list(
                status=status,
                model=catalog.find(model).wire_id if model else None,
                task_ids=task_ids,
                service_tier=service_tier,
                page_num=page_num,
                page_size=page_size,
            )
        )
        items: Sequence[dict[str, Any]] = answer.data.get("items") or []
        return items

    async def task(self, key: str) -> Task:
        """A task of this log by its key or the service's id, as after a restart: to await, adopt, abandon...

        Raises
        ------
        LogError
            There is no such task.
        """
        return await engine.bridge(self._runtime.task(key))

    async def adopt(self, task_id: str) -> Task:
        """Take in a task made elsewhere: it gets a row, is followed, and its clip is saved."""
        return await engine.bridge(self._runtime.actions.adopt(task_id))

    async def adopt_all(
        self, *, since: Any = None, model: str | None = None, count: bool = False
    ) -> Elsewhere:
        """What the service lists and this log has no row of, with its sum; nothing is taken in yet.

        ``await (await studio.adopt_all()).adopt()`` takes all in: each gets a row, is followed, and its clip
        is saved. Others may share the account, so look at the list first. A task that may be the lost one of
        a row here is left out and named.

        Parameters
        ----------
        since
            First moment of ``created_at``: a datetime, a date as text, or a timedelta back from now. The
            service lists 7 days.
        model
            Name or id of a model; all by default.
        count
            Whether what they cost counts as spent, and against budgets.

        Raises
        ------
        InvalidRequest
            There is no such moment or model.
        ServiceError
            The service could not be asked.
        """
        from seedance_widgets.log.conditions import moment_of_text

        wire = None if model is None else catalog.find(model).wire_id
        first = None if since is None else moment_of_text(since, self._runtime.clock())
        return await engine.bridge(self._runtime.elsewhere(since=first, model=wire, counted=count))

    async def resume(self) -> Resumed:
        """After a restart: follow what is still live, look for what is unclear, fetch what is not saved.

        What another kernel on this log looks after is left to it, and followed through the log. Nothing is
        sent again.

        Returns
        -------
        Resumed
            The tasks that were taken up; shown, it says what was done with them.
        """
        return await engine.bridge(self._runtime.resume())

    async def stop(self) -> Stopped:
        """Stop what can be stopped of all that is at work here; what is unsent by now is never sent.

        Returns
        -------
        Stopped
            What was withdrawn before it was sent, what was cancelled in the service's queue, and what goes on
            and is billed; shown, it says how many of each.
        """
        return await engine.bridge(self._runtime.stop())

    async def orphans(self) -> Sequence[Mapping[str, Any]]:
        """Tasks at the service that look like ours and have no row, as after a log was lost.

        Each as the service tells it; `adopt` takes one in by its id.

        Raises
        ------
        ServiceError
            The service could not be asked.
        """
        self._runtime.check_open()
        return await engine.bridge(self._runtime.orphans())

    def subscribe(self, callback: Callable[[dict[str, Any] | None], None]) -> Callable[[], None]:
        """Have a callback told of every change of every task, on the engine's thread.

        Parameters
        ----------
        callback
            Given the new row (raw columns, times in microseconds), and None about once a second while
            tasks are live. It must not block; what it raises is dropped.

        Returns
        -------
        callable
            Ends the subscription.
        """

        def tell(row: TaskRow | None) -> None:
            callback(None if row is None else row.to_dict())

        return self._runtime.registry.subscribe(tell)

    def drafts(self) -> Sequence[dict[str, Any]]:
        """Rows of succeeded drafts that can still be made finals, newest first."""
        return [row.to_dict() for row in self._runtime.journal.drafts()]

    def webhook(self, port: int = 0, host: str = "127.0.0.1") -> Webhook:
        """Receive the service's callbacks, so that what happens to a task is known at once.

        Give its ``url`` as ``callback_url``, with the scheme, host and port of a public address that leads
        here (a tunnel, a reverse proxy): the service calls from outside, and to provide that address is up
        to you. The rest of the URL stays the same for this home. A callback is taken for a hint only; the
        state comes from the service when asked.

        Parameters
        ----------
        port
            0 takes a free one.
        host
            Address to listen on; other than a loopback one lets other machines in.

        Returns
        -------
        Webhook
            Serves in the background until it, or the studio, is closed.

        Raises
        ------
        SeedanceError
            The port is taken, or the secret part of the URL cannot be kept in the home.
        """
        from seedance_widgets.following.webhook import Receiver, Webhook, load_secret

        runtime = self._runtime
        runtime.check_open()
        secret = load_secret(self.home)
        receiver = Receiver(secret, known=runtime.state_in_log, hint=runtime.hint, clock=runtime.clock)
        self._webhooks.append(Webhook(receiver, secret, host=host, port=port))
        return self._webhooks[-1]

    # --- money and log -----------------------------------------------------------------------------------

    @property
    def runtime(self) -> StudioRuntime:
        """What all studios of one home share in a process, for this package's own rooms."""
        return self._runtime

    @property
    def log(self) -> Log:
        """What was asked, what came back, what it cost."""
        return self._runtime.log

    @property
    def defaults(self) -> Defaults:
        """What is filled into requests that leave it open; its ``model`` is a name, its ``own`` a dict."""
        return self._defaults

    @property
    def spent(self) -> float:
        """Dollars billed for this home's tasks; of simulated ones where this studio simulates."""
        return self._runtime.money()[0]

    @property
    def reserved(self) -> float:
        """Dollars that unfinished tasks may still cost."""
        return self._runtime.money()[1]

    @property
    def left(self) -> float | None:
        """Dollars of the budget that are neither spent nor reserved; None without a budget.

        Of several budgets it is the least. `budgets` shows each.
        """
        standings = self._runtime.journal.standings(self.own_budgets)
        return min((each.left for each in standings), default=None)

    @property
    def budget_usd(self) -> float | tuple[Budget, ...] | None:
        """The budget, in dollars where it is a plain one; another one counts from when it is set."""
        if not self.own_budgets:
            return None
        alone = self.own_budgets[0]
        return alone.usd if self.own_budgets == (Budget(alone.usd),) else self.own_budgets

    @budget_usd.setter
    def budget_usd(self, given: float | Budget | Sequence[float | Budget] | None) -> None:
        self._set_budgets(budgets_of(given))

    def _set_budgets(self, budgets: tuple[Budget, ...]) -> None:
        self.own_budgets = budgets
        if budgets:
            self._runtime.outbox.budgets = budgets

    def budgets(self) -> pd.DataFrame:
        """Each budget and how it stands: what it counts, and dollars spent, reserved and left.

        Indexed by ``budget``, its words. ``until`` (UTC) is when it begins anew, ``<NA>`` for one that does
        not. ``per``, ``tags`` and ``home`` say what it counts, as those of `Budget`.
        """
        from seedance_widgets.log.dataframes import budgets_frame

        return budgets_frame(self._runtime.journal.standings(self.own_budgets))

    # --- closing -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop watching. Unfinished tasks go on at the service; `resume` picks them up later."""
        if not self._closed:
            self._closed = True
            for webhook in self._webhooks:
                webhook.close()
            leave(self._shared_by)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # the answers that are waited for then must not hold up the loop
        await asyncio.to_thread(self.close)

    def __reduce__(self) -> Never:
        raise TypeError(
            f"a studio is not pickled: it has a key, and threads. Make one where it is needed: "
            f"Studio({str(self.home)!r}, ...)"
        )

    def __repr__(self) -> str:
        kind = ", simulated" if self._runtime.simulated else ""
        return f"Studio({self.home.name!r}{kind}, spent {usd_text(self._runtime.spent)})"


async def _aside(work: Callable[[], T]) -> T:
    """Do what reads pictures or the log in a thread: whatever loop runs here goes on."""
    with point_warnings_here():
        return await asyncio.to_thread(work)


async def check_request(
    runtime: StudioRuntime, prompt_or_request: str | TaskRequest, params: Mapping[str, Any]
) -> tuple[TaskRequest, RowChanges]:
    """`request_from` off the loop that asks, with a notice of a retired model; and columns of its row.

    Raises
    ------
    InvalidRequest
        As from `request_from`.
    """

    def check() -> tuple[TaskRequest, RowChanges]:
        request = request_from(runtime, prompt_or_request, params)
        warn_if_retired(runtime, request)
        if request.draft_task is None:
            return request, {}
        return request, columns_from_draft(runtime.journal.by_task_id(request.draft_task.id))

    return await _aside(check)


def request_from(
    runtime: StudioRuntime, prompt_or_request: str | TaskRequest, params: Mapping[str, Any]
) -> TaskRequest:
    """The request that a prompt or a request, and fields of it, stand for; blocks for a read of the log.

    Raises
    ------
    InvalidRequest
        A rule is broken; the draft has no id at the service, or is too old to be made final.
    """
    named = params.get("draft_task")
    if isinstance(named, str) and (row := runtime.journal.by_name(named.strip())):
        params = {**params, "draft_task": draft_of(row)}  # a final has its draft's model
    if isinstance(prompt_or_request, TaskRequest):
        request = prompt_or_request.replace(**params) if params else prompt_or_request
    elif prompt_or_request and "prompt" in params:
        reason = f"given twice, before as {prompt_or_request!r}"
        raise InvalidRequest([Problem("prompt", params["prompt"], reason)])
    else:
        request = TaskRequest.from_params(**{"prompt": prompt_or_request, **params})
    request = renew_links(request, runtime.journal, runtime.absolute)
    draft = request.draft_task
    if draft is None:
        return request
    if draft.created_at is None and (row := runtime.journal.by_name(draft.id)):
        draft = draft_of(row)
        request = request.replace(draft_task=draft)
    if problem := age_problem(draft, runtime.clock()):
        raise InvalidRequest([problem])
    return request


def warn_if_retired(runtime: StudioRuntime, request: TaskRequest) -> None:
    """Say once that a request's model is past its retirement, unless the service has proved otherwise since.

    Whoever has had a task of it accepted since that day knows that it still answers.
    """
    spec, retired = request.spec, request.spec.retirement
    if runtime.simulated or retired is None or spec.id in _warned or not retired.is_past(runtime.clock()):
        return
    _warned.add(spec.id)
    if any(runtime.journal.tokens_since(spec.wire_id, tier, retired.begins_at) for tier in spec.tiers):
        return
    instead = f"; {retired.replacement} takes its place" if retired.replacement else ""
    warn(
        f"{spec.name} was retired on {retired.date} ({retired.status}){instead}. "
        "The service decides whether it still answers.",
        RetiredModelWarning,
    )
