"""The life of each task as durable transitions: intent before the send, id on its return, file when saved.

A row begins as ``intent`` with the money it may cost reserved, in one transaction that also checks the
budget. From there it follows the answers. A status never leaves a final one, and every change adds one
to the row's revision. All methods block for a disk write; callers run them off their event loop.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack, cast

from sqlalchemy import bindparam

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.budget import check_budgets
from seedance_widgets.log.queries import Rows, free_nonce
from seedance_widgets.log.row import (
    FINAL,
    FOLLOWED,
    NEVER_MADE,
    OPEN_TO_MATCH,
    UNCLEAR,
    FileState,
    RowChanges,
    Status,
    TaskRow,
)
from seedance_widgets.log.row_mapping import (
    Order,
    columns_from_draft,
    columns_of,
    columns_of_request,
    drawn_seed,
    find_lost_intent,
    links_of,
    match,
    reopen,
    seed_differs,
    unmatch,
)
from seedance_widgets.log.schema import answers, tasks
from seedance_widgets.log.studies import refuse_second
from seedance_widgets.log.tag_rows import put_tags, tags_of
from seedance_widgets.log.totals import count_change, keep_total
from seedance_widgets.units import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from seedance_widgets.errors import APIError
    from seedance_widgets.log.budget import Budget
    from seedance_widgets.request.pricing import Estimate

__all__ = ["Intent", "Journal"]

_KEPT_BYTES = 10_000  # of an answer that cannot be read, which may be anything and of any size
_KEY_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FREE: RowChanges = {"usd": 0.0, "reserved_usd": 0.0}

# Made once: it takes SQLAlchemy longer to build a statement than to run it.
_INSERT = tasks.insert()
_UPDATE = tasks.update().where(tasks.c.key == bindparam("of_key"))  # sets the columns it is given
_KEEP_ANSWER = answers.insert()


@dataclass(frozen=True, slots=True)
class Intent:
    """A row that was just begun: its key, and the body to send exactly once."""

    row: TaskRow
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """The row's key."""
        return self.row.key


class Journal(Rows):
    """Transitions of the rows of one log; what is new is of this journal's kind, simulated or real."""

    # --- a task's way ------------------------------------------------------------------------------------

    def begin(
        self,
        estimate: Estimate,
        *,
        budgets: Sequence[Budget] = (),
        stored: Mapping[str, str],
        extra: RowChanges | None = None,
        instead_of: str | None = None,
    ) -> Intent:
        """Write the intent, reserve its cost and choose its seed and nonce, all in one transaction.

        Parameters
        ----------
        estimate
            Of the request that is about to be sent.
        budgets
            Each a cap on settled and reserved dollars of this log's rows.
        stored
            Where each picture was stored: sha256 -> path relative to the home.
        extra
            Further columns, such as ``parent_key`` or ``study``.
        instead_of
            Key of a row that was never made, of which this one is sent in place: once at most.

        Raises
        ------
        BudgetExceeded, InvalidRequest
            Nothing was written.
        """
        order = Order(estimate, stored, extra or {}, instead_of)
        return self.begin_all([order], budgets=budgets)[0]

    def begin_all(self, orders: Sequence[Order], *, budgets: Sequence[Budget] = ()) -> list[Intent]:
        """`begin` for several requests: the intents of all are written in one transaction, or of none.

        Raises
        ------
        BudgetExceeded, InvalidRequest
            A budget does not cover them all, or one cannot be begun; nothing was written.
        InvalidStudy
            A clip of a study is there already, or on its way; nothing was written.
        """
        now = self.now()
        with self._store.write() as connection:
            for budget in budgets:
                keep_total(connection, budget.scope(self.home))
            tags = [self._tags_for(connection, order) for order in orders]
            self._check_budgets(connection, orders, tags, budgets, now)
            # a microsecond apart, so that the log keeps their order
            return [
                self._begin_one(connection, order, called, now + number)
                for number, (order, called) in enumerate(zip(orders, tags, strict=True))
            ]

    def check(self, orders: Sequence[Order], *, budgets: Sequence[Budget]) -> None:
        """Refuse what a budget does not cover by now; nothing is reserved.

        Raises
        ------
        BudgetExceeded
            One does not, or a price is not known.
        """
        with self._store.read() as connection:
            tags = [self._tags_for(connection, order) for order in orders]
            self._check_budgets(connection, orders, tags, budgets, self.now())

    def accepted(self, key: str, answer: Mapping[str, Any], **ids: Unpack[RowChanges]) -> TaskRow:
        """The service returned a task id; it is queued now.

        That outweighs what others have made of the row while the answer was on its way. An id that another
        row has says nothing of this one, whose outcome is then unknown.
        """
        task_id = str(answer["id"])
        with self._store.write() as connection:
            row, other = self._row(connection, key), self._with_id(connection, task_id)
            if row.task_id is not None or row.status not in OPEN_TO_MATCH:
                return row
            if other is None:
                changes = match(row, task_id, None)
            else:
                changes = self._lose(row, f"the service answered with {task_id}, the id of {other.key}")
            return self._apply(connection, row, {**changes, **ids}, "create", answer)

    def rejected(self, key: str, error: APIError) -> TaskRow:
        """The service refused: nothing was made, nothing stays reserved."""
        return self._change(
            key,
            {
                "status": Status.REJECTED,
                "error_code": error.code or f"HTTP {error.status_code}",
                "error_message": error.message,
                "error_param": error.param,
                "trouble": error.advice,
                "finished_at": self.now(),
                "request_id": error.request_id,
                "client_request_id": error.client_request_id,
                **_FREE,
            },
            only=UNCLEAR,
        )

    def not_created(self, key: str, reason: str) -> TaskRow:
        """The request provably never arrived: nothing stays reserved."""
        return self._change(key, self._never_made(reason), only=UNCLEAR)

    def withdrawn(self, key: str) -> TaskRow:
        """Its sender has taken it back before it was sent: nothing was made, nothing stays reserved."""
        withdrawn: RowChanges = {"status": Status.WITHDRAWN, "finished_at": self.now(), **_FREE}
        return self._change(key, withdrawn, only=(Status.INTENT,))

    def unknown(
        self, key: str, reason: str, *, raw: bytes | None = None, **ids: Unpack[RowChanges]
    ) -> TaskRow:
        """The answer to its sender was lost: a task may exist, so its cost stays reserved.

        That outweighs what others have made of the row meanwhile: it may have been sent until now. ``raw`` is
        what did arrive, of which the beginning is kept: it may name the task.
        """
        arrived = {"unreadable": raw[:_KEPT_BYTES].decode(errors="replace")} if raw else None
        with self._store.write() as connection:
            row = self._row(connection, key)
            if row.task_id is not None or row.status not in OPEN_TO_MATCH:
                return row
            return self._apply(connection, row, {**self._lose(row, reason), **ids}, "create", arrived)

    def cut_off(self, key: str, reason: str, sent_at: int) -> TaskRow:
        """Its sender ended before it wrote down an answer: a task may exist, so its cost stays reserved.

        ``sent_at`` is the last moment at which it may have been sent (microseconds since 1970).
        """
        changes: RowChanges = {"status": Status.UNKNOWN, "error_message": reason, "sent_at": sent_at}
        return self._change(key, changes, only=(Status.INTENT,))

    def matched(self, key: str, answer: Mapping[str, Any], by: str) -> TaskRow:
        """A task at the service was found to be the one that this row asked for.

        Parameters
        ----------
        key
            Of the row.
        answer
            The task, as GET or LIST tells it.
        by
            What says so: ``fingerprint``, whose seed is yet to be compared, ``nonce`` or ``person``.

        Raises
        ------
        InvalidRequest
            The row has an id already, or another row has this one.
        """
        task_id = str(answer["id"])
        with self._store.write() as connection:
            row, other = self._row(connection, key), self._with_id(connection, task_id)
            if row.task_id is not None or row.status not in OPEN_TO_MATCH:
                raise _refusal(key, f"the task is {row.status} and has the id {row.task_id}")
            if other is not None:
                raise _refusal(task_id, f"the task {other.key} has this id")
            self._apply(connection, row, match(row, task_id, by), "", None)
        return self.observed(key, answer, "adopt")

    def undecided(self, key: str, candidates: Sequence[str], why: str) -> TaskRow:
        """A search did not settle the row: what may be it, for a person to say, and why."""
        found = json.dumps(list(candidates)) if candidates else None
        return self._change(key, {"candidates": found, "trouble": why}, only=(Status.UNKNOWN,))

    def abandoned(self, key: str, *, has_record: bool = True) -> TaskRow:
        """A person has decided that no task came of it: nothing stays reserved.

        Should it turn up after all, `matched` and `adopted` still take it in.

        Parameters
        ----------
        key
            Of the row.
        has_record
            Whether the service may have a record of it; False where it was just asked and has none.
        """
        reason = "Given up by hand while its outcome was unknown"
        with self._store.write() as connection:
            row = self._row(connection, key)
            if not has_record and row.task_id is not None and row.status in FOLLOWED:
                reason = f"Given up by hand: the service has no record of {row.task_id}"
            elif row.status != Status.UNKNOWN or row.task_id is not None:
                raise _refusal(key, f"the task is {row.status}; only an unknown outcome can be abandoned")
            return self._apply(connection, row, self._never_made(reason), "", None)

    def observed(self, key: str, answer: Mapping[str, Any], call: str = "get") -> TaskRow:
        """The service described the task; the row follows, never backwards."""
        with self._store.write() as connection:
            row = self._row(connection, key)
            if row.task_id is None or answer.get("id", row.task_id) != row.task_id:
                return row  # asked for before the row turned out to be of another task
            changes = columns_of(answer, row)
            told = changes.get("status")
            if row.matched_by == "fingerprint" and seed_differs(row, changes.get("seed")):
                changes = unmatch(row, changes["seed"])
            elif row.status in FINAL or (row.status is Status.RUNNING and told is Status.QUEUED):
                # a late answer about the past: only an address that was missing is news
                changes = links_of(changes) if row.status == Status.SUCCEEDED else {}
            elif told is Status.SUCCEEDED:
                changes.setdefault("trouble", None)
            newer = self._apply(connection, row, changes, call, answer)
        if newer.usd != row.usd:
            self.money()  # cards show it, and must not have to ask
        return newer

    def adopted(self, answer: Mapping[str, Any], *, counted: bool = True) -> TaskRow:
        """A task made elsewhere gets a row, or the row that already has its id.

        Unless it is ``counted``, what it cost is no part of what is spent.
        """
        task_id = str(answer["id"])
        now = self.now()
        with self._store.write() as connection:
            row = self._with_id(connection, task_id)
            if row is None:
                lost = find_lost_intent(connection, answer, simulated=self._simulated, now=now)
                row = lost and self._apply(connection, lost, match(lost, task_id, "fingerprint"), "", None)
            if row is None:
                row = self._made_elsewhere(connection, answer, now, counted=counted)
                self._insert(connection, row, {})
        return self.observed(row.key, answer, "adopt")

    def sketch(self, answers: Sequence[Mapping[str, Any]]) -> list[TaskRow]:
        """The rows that `adopted` would make of tasks that have none; none is written."""
        now = self.now()
        with self._store.read() as connection:
            rows = [self._made_elsewhere(connection, answer, now, counted=False) for answer in answers]
        return [row.with_changes(columns_of(answer, row)) for answer, row in zip(answers, rows, strict=True)]

    def filed(self, key: str, *, whole: bool = True, **columns: Unpack[RowChanges]) -> TaskRow:
        """The clip is on disk: paths relative to the home, hash and true size are known.

        One that is not ``whole`` is kept as ``failed``: it may be had better.
        """
        with self._store.write() as connection:
            row = self._row(connection, key)
            saved: RowChanges = {
                "file": FileState.SAVED if whole else FileState.FAILED,
                "saved_at": self.now() if whole else None,
                "trouble": None,
            }
            return self._apply(connection, row, {**saved, **columns}, "", None)

    def unfiled(self, key: str, file: FileState, reason: str) -> TaskRow:
        """The clip could not be saved: ``file`` is ``failed`` or ``expired``; one that was lost stays so."""
        with self._store.write() as connection:
            row = self._row(connection, key)
            if row.file is FileState.LOST:
                file = FileState.LOST
            return self._apply(connection, row, {"file": file, "trouble": reason}, "", None)

    def seen_on_disk(self, key: str, *, is_there: bool) -> TaskRow:
        """The clip was saved; now its file is there, or is not there any more."""
        with self._store.write() as connection:
            row = self._row(connection, key)
            changes = RowChanges()
            if row.file is FileState.SAVED and not is_there:
                reason = f"its clip was saved as {row.video_path}, and is not there any more"
                changes = RowChanges(file=FileState.LOST, trouble=reason)
            elif row.file is FileState.LOST and is_there:
                changes = RowChanges(file=FileState.SAVED, trouble=None)
            return self._apply(connection, row, changes, "", None)

    def noted(self, key: str, trouble: str) -> TaskRow:
        """Remember a trouble that changes no status, such as a 404 on GET."""
        return self._change(key, {"trouble": trouble}, any_status=True)

    def troubled(self, key: str, error: Exception) -> TaskRow:
        """Remember an error that changes no status."""
        return self.noted(key, str(error))

    def forgotten(self, key: str) -> TaskRow:
        """The service's record was deleted on request; ours stays."""
        return self._change(key, {"trouble": "its record at the service was deleted"}, any_status=True)

    # --- inside ------------------------------------------------------------------------------------------

    def _made_elsewhere(
        self, connection: Connection, answer: Mapping[str, Any], now: int, *, counted: bool
    ) -> TaskRow:
        """A row for a task that was made by other means."""
        wire_model, draft_id = _text(answer.get("model")), _text(answer.get("draft_task_id"))
        model = wire_model or ""
        with contextlib.suppress(InvalidRequest):
            model = catalog.find(model).id
        columns: RowChanges = {
            "status": Status.QUEUED,  # until the answer says otherwise
            "task_id": str(answer["id"]),
            "kind": "draft" if answer.get("draft") else "final" if draft_id else "standard",
            "model": model,
            "wire_model": wire_model,
            "counted": counted,
            **columns_from_draft(self._with_id(connection, draft_id) if draft_id else None),
        }
        return self._new(now, columns, self._new_key(now))

    def _check_budgets(
        self,
        connection: Connection,
        orders: Sequence[Order],
        tags: Sequence[Mapping[str, str]],
        budgets: Sequence[Budget],
        now: int,
    ) -> None:
        wanted = list(zip([order.estimate for order in orders], tags, strict=True))
        check_budgets(connection, wanted, budgets, now, home=self.home, simulated=self._simulated)

    def _tags_for(self, connection: Connection, order: Order) -> dict[str, str]:
        """The tags of a row that is to be begun: its own, and those of the row that it goes on from."""
        # a final is part of what its draft was made for
        is_final = order.estimate.request.kind == "final"
        source = order.instead_of or (order.extra.get("parent_key") if is_final else None)
        return {**(tags_of(connection, source) if source else {}), **order.tags}

    def _begin_one(self, connection: Connection, order: Order, tags: Mapping[str, str], now: int) -> Intent:
        request, key = order.estimate.request, self._new_key(now)
        sent: dict[str, Any] = {}
        # a flag in a prompt that was sent as it is asks for one, too
        takes_seed = request.parameters()["seed"].is_offered
        if request.seed is None and takes_seed and (told := request.effective("seed")) is not None:
            sent["seed"] = told
        elif request.seed is None and takes_seed and request.spec.draws_seed:
            sent["seed"] = drawn_seed(key)
        chain = order.extra.get("chain")
        # two kernels may come to the same link at once: the second finds it taken and pays nothing
        if chain and (taken := self._link(connection, chain)):
            raise _refusal(taken.key, f"this link of the chain is {taken.status} already")
        replaced = self._replaceable(connection, order.instead_of) if order.instead_of else None
        if order.extra.get("study") is not None:
            refuse_second(connection, order.extra, simulated=self._simulated)
        batch_row = order.extra.get("batch_row")
        if batch_row and (taken := self._of_batch(connection, order.extra.get("batch"), batch_row)):
            raise _refusal(taken.key, f"this row of the batch is {taken.status} already")
        nonce = None
        if request.execution_expires_after is None:
            nonce = free_nonce(connection, request.spec.wire_id, request.effective("service_tier"), now)
            sent["execution_expires_after"] = catalog.rules().expires_after_default + nonce
        columns: RowChanges = {
            **columns_of_request(order.estimate, order.stored, sent),
            "status": Status.INTENT,
            "nonce": nonce,
            **order.extra,
        }
        row = self._new(now, columns, key)
        self._insert(connection, row, tags)
        if replaced is not None:
            self._apply(connection, replaced, {"resent_as": row.key}, "", None)
        return Intent(row, {**request.to_dict(), **sent})

    def _new(self, now: int, columns: RowChanges, key: str) -> TaskRow:
        """A row of this journal's kind, begun now."""
        born: RowChanges = {"created_at": now, "home": self.home, **columns}
        return TaskRow(key=key, simulated=self._simulated, intent_at=now, **born)

    def _insert(self, connection: Connection, row: TaskRow, tags: Mapping[str, str]) -> None:
        connection.execute(_INSERT, row.to_dict())
        put_tags(connection, row.key, tags)
        count_change(connection, None, row)

    def _lose(self, row: TaskRow, reason: str) -> RowChanges:
        """Columns of a row that was sent until now, with nobody knowing what came of it."""
        return {**reopen(row), "status": Status.UNKNOWN, "error_message": reason, "sent_at": self.now()}

    def _never_made(self, reason: str) -> RowChanges:
        """Columns of a row of which no task came."""
        return {
            "status": Status.NOT_CREATED,
            "error_message": reason,
            "finished_at": self.now(),
            **_FREE,
        }

    def _new_key(self, now: int) -> str:
        stamp = time.strftime("%y%m%d-%H%M%S", time.gmtime(seconds_of(now)))
        return f"{stamp}-" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(5))

    def _replaceable(self, connection: Connection, key: str) -> TaskRow:
        row = self._row(connection, key)
        if row.resent_as is not None:
            raise _refusal(key, f"it was sent again already, as {row.resent_as}")
        if row.status not in NEVER_MADE:
            raise _refusal(key, f"the task is {row.status}; only what was never made can be sent again")
        return row

    def _change(
        self,
        key: str,
        changes: RowChanges,
        *,
        only: Iterable[Status] = (),
        any_status: bool = False,
    ) -> TaskRow:
        with self._store.write() as connection:
            row = self._row(connection, key)
            if not any_status and row.status not in only:
                return row
            return self._apply(connection, row, changes, "", None)

    def _apply(
        self,
        connection: Connection,
        row: TaskRow,
        changes: RowChanges,
        call: str,
        answer: Mapping[str, Any] | None,
    ) -> TaskRow:
        news = cast(
            "RowChanges", {name: value for name, value in changes.items() if getattr(row, name) != value}
        )
        if not news:
            return row
        news["revision"] = row.revision + 1
        connection.execute(_UPDATE, {"of_key": row.key, **news})
        if answer is not None:
            raw = json.dumps(answer, ensure_ascii=False)
            kept = {"key": row.key, "at": self.now(), "call": call, "body": raw}
            connection.execute(_KEEP_ANSWER, kept)
        newer = row.with_changes(news)
        count_change(connection, row, newer)
        return newer


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _refusal(value: str, reason: str) -> InvalidRequest:
    refused = "this cannot be done; nothing was sent or changed"
    return InvalidRequest([Problem("task", value, reason)], refused=refused)
