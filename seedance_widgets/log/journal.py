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
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, or_, select

from seedance_widgets import catalog
from seedance_widgets.errors import BudgetExceeded, InvalidRequest, LogError
from seedance_widgets.log.answers import FINAL, LIVE, columns_of
from seedance_widgets.log.intents import columns_of_request
from seedance_widgets.log.schema import answers, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from seedance_widgets.errors import APIError
    from seedance_widgets.log.store import Store
    from seedance_widgets.pricing import Estimate

__all__ = ["Intent", "Journal", "Row"]

Row = dict[str, Any]

_SECOND = 1_000_000
_NONCES = 1 << 16
_NONCE_DAYS = 8  # records answer for 7 days; one more for clocks that disagree
_SEEDS = 1 << 31
_NONCE_DRAWS = 16  # so many taken ones in a row, and the free ones are looked up
_KEY_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

# Made once: it takes SQLAlchemy longer to build a statement than to run it.
_BY_KEY = select(tasks).where(tasks.c.key == bindparam("key"))
_BY_TASK_ID = select(tasks).where(tasks.c.task_id == bindparam("task_id"))
_INSERT = tasks.insert()
_UPDATE = tasks.update().where(tasks.c.key == bindparam("of_key"))  # sets the columns it is given
_KEEP_ANSWER = answers.insert()
_MONEY = select(
    func.coalesce(func.sum(tasks.c.usd), 0.0), func.coalesce(func.sum(tasks.c.reserved_usd), 0.0)
).where(tasks.c.simulated == bindparam("simulated"))
_NONCES_SINCE = select(tasks.c.nonce).where(
    tasks.c.wire_model == bindparam("wire_model"),
    tasks.c.service_tier == bindparam("tier"),
    tasks.c.nonce.is_not(None),
    tasks.c.intent_at > bindparam("since"),
)
_NONCE_SINCE = _NONCES_SINCE.where(tasks.c.nonce == bindparam("nonce"))


@dataclass(frozen=True, slots=True)
class Intent:
    """A row that was just begun: its key, and the body to send exactly once."""

    row: Row
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """The row's key."""
        return str(self.row["key"])


class Journal:
    """Transitions of the rows of one log.

    Parameters
    ----------
    store
        The open log.
    simulated
        Marks this journal's rows; money is counted apart for simulated and real ones.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self, store: Store, *, simulated: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._simulated = simulated
        self._clock = clock

    # --- a task's way ------------------------------------------------------------------------------------

    def begin(
        self,
        estimate: Estimate,
        *,
        budget_usd: float | None,
        stored: Mapping[str, str],
        extra: Mapping[str, Any] | None = None,
    ) -> Intent:
        """Write the intent, reserve its cost and choose its seed and nonce, all in one transaction.

        Parameters
        ----------
        estimate
            Of the request that is about to be sent.
        budget_usd
            Cap on settled and reserved dollars of this log's rows, None for no cap.
        stored
            Where each picture was stored: sha256 -> path relative to the home.
        extra
            Further columns, such as ``parent_key`` or ``study``.

        Raises
        ------
        BudgetExceeded
            Nothing was written.
        """
        request, now = estimate.request, self._now()
        sent: dict[str, Any] = {}
        if request.seed is None and request.parameters()["seed"].is_offered:
            sent["seed"] = secrets.randbelow(_SEEDS)
        with self._store.write() as connection:
            self._check_budget(connection, estimate, budget_usd)
            nonce = None
            if request.execution_expires_after is None:
                nonce = self._free_nonce(
                    connection, request.spec.wire_id, request.effective("service_tier"), now
                )
                sent["execution_expires_after"] = catalog.rules().expires_after_default + nonce
            row = {
                **self._blank(now, "intent"),
                **columns_of_request(estimate, stored, sent),
                "nonce": nonce,
                **(extra or {}),
            }
            connection.execute(_INSERT, row)
        return Intent(row, {**request.to_dict(), **sent})

    def accepted(self, key: str, answer: Mapping[str, Any], **ids: str | None) -> Row:
        """The service returned a task id; it is queued now."""
        task_id = str(answer["id"])
        changes = {"task_id": task_id, "status": "queued", **ids}
        return self._change(key, changes, only=("intent", "unknown"), call="create", answer=answer)

    def rejected(self, key: str, error: APIError) -> Row:
        """The service refused: nothing was made, nothing stays reserved."""
        return self._change(
            key,
            {
                "status": "rejected",
                "error_code": error.code or f"HTTP {error.status_code}",
                "error_message": error.message,
                "error_param": error.param,
                "note": error.advice,
                "finished_at": self._now(),
                "request_id": error.request_id,
                "client_request_id": error.client_request_id,
                **_FREE,
            },
            only=("intent",),
        )

    def not_created(self, key: str, reason: str) -> Row:
        """The request provably never arrived: nothing stays reserved."""
        changes = {
            "status": "not_created",
            "error_message": reason,
            "finished_at": self._now(),
            **_FREE,
        }
        return self._change(key, changes, only=("intent", "unknown"))

    def unknown(self, key: str, reason: str, client_request_id: str | None) -> Row:
        """The answer was lost: a task may exist, so its cost stays reserved."""
        changes = {"status": "unknown", "error_message": reason, "client_request_id": client_request_id}
        return self._change(key, changes, only=("intent",))

    def observed(self, key: str, answer: Mapping[str, Any], call: str = "get") -> Row:
        """The service described the task; the row follows, never backwards."""
        with self._store.write() as connection:
            row = self._row(connection, key)
            changes = columns_of(answer, row)
            if row["status"] in FINAL or (row["status"] == "running" and changes.get("status") == "queued"):
                # a late answer about the past: only an address that was missing is news
                changes = {
                    name: changes[name]
                    for name in ("video_url", "last_frame_url")
                    if name in changes and row["status"] == "succeeded"
                }
            elif changes.get("status") == "succeeded" and row["kind"] != "draft":
                changes.setdefault("note", _surprise(row, changes))
            return self._apply(connection, row, changes, call, answer)

    def adopted(self, answer: Mapping[str, Any]) -> Row:
        """A task made elsewhere gets a row, or the row that already has its id."""
        task_id, model = str(answer["id"]), str(answer.get("model"))
        draft_id = answer.get("draft_task_id")
        with contextlib.suppress(InvalidRequest):
            model = catalog.find(model).id
        with self._store.write() as connection:
            row = self._with_id(connection, task_id)
            if row is None and (lost := self._lost_intent(connection, answer)):
                row = self._apply(connection, lost, {"task_id": task_id, "status": "queued"}, "", None)
            if row is None:
                parent = self._with_id(connection, str(draft_id)) if draft_id else None
                row = {
                    **self._blank(self._now(), "unknown"),
                    "task_id": task_id,
                    "kind": "draft" if answer.get("draft") else "final" if draft_id else "standard",
                    "model": model,
                    "wire_model": answer.get("model"),
                    "parent_key": parent["key"] if parent else None,
                }
                connection.execute(_INSERT, row)
        return self.observed(str(row["key"]), answer, "adopt")

    def filed(self, key: str, **columns: Any) -> Row:
        """The clip is on disk: paths relative to the home, hash and true size are known."""
        with self._store.write() as connection:
            row = self._row(connection, key)
            note = _surprise(row, row) if row["kind"] != "draft" else None
            changes = {"file": "saved", "saved_at": self._now(), "note": note, **columns}
            return self._apply(connection, row, changes, "", None)

    def unfiled(self, key: str, file: str, reason: str) -> Row:
        """The clip could not be saved: ``file`` is ``failed`` or ``expired``."""
        return self._change(key, {"file": file, "note": reason}, any_status=True)

    def noted(self, key: str, note: str) -> Row:
        """Remember a trouble that changes no status, such as a 404 on GET."""
        return self._change(key, {"note": note}, any_status=True)

    def forgotten(self, key: str) -> Row:
        """The service's record was deleted on request; ours stays."""
        return self._change(key, {"note": "its record at the service was deleted"}, any_status=True)

    # --- asking ------------------------------------------------------------------------------------------

    def row(self, key: str) -> Row:
        """One row by its key.

        Raises
        ------
        LogError
            There is none.
        """
        with self._store.read() as connection:
            return self._row(connection, key)

    def by_task_id(self, task_id: str) -> Row | None:
        """The row of a task id, None if no row has it."""
        with self._store.read() as connection:
            return self._with_id(connection, task_id)

    def unfinished(self) -> list[Row]:
        """Rows of this kind (simulated or real) that wait for the service or for their file."""
        waiting = or_(
            tasks.c.status.in_(LIVE),
            and_(tasks.c.status == "succeeded", tasks.c.file.in_(("none", "failed"))),
        )
        with self._store.read() as connection:
            found = connection.execute(
                select(tasks).where(waiting, self._mine(), tasks.c.task_id.is_not(None))
            )
            return [dict(row) for row in found.mappings()]

    def recent(self, limit: int) -> list[Row]:
        """Rows of this kind, the newest first."""
        newest = select(tasks).where(self._mine()).order_by(tasks.c.intent_at.desc(), tasks.c.key.desc())
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(newest.limit(limit)).mappings()]

    def count(self) -> int:
        """How many rows of this kind there are."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).where(self._mine())).scalar_one()

    def drafts(self) -> list[Row]:
        """Succeeded drafts whose id the service still takes for a final, newest first."""
        since = self._now() - catalog.rules().draft_task_days * 86_400 * _SECOND
        good = and_(tasks.c.kind == "draft", tasks.c.status == "succeeded", tasks.c.created_at > since)
        with self._store.read() as connection:
            found = connection.execute(
                select(tasks).where(good, self._mine()).order_by(tasks.c.created_at.desc())
            )
            return [dict(row) for row in found.mappings()]

    def money(self) -> tuple[float, float]:
        """Dollars settled and dollars reserved by this journal's kind of rows."""
        with self._store.read() as connection:
            return self._money(connection)

    # --- inside ------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * _SECOND)

    def _blank(self, now: int, status: str) -> Row:
        """A row with nothing in it but what every row has."""
        return {
            **dict.fromkeys(column.name for column in tasks.columns),
            "key": self._new_key(now),
            "status": status,
            "file": "none",
            "reserved_usd": 0.0,
            "simulated": self._simulated,
            "created_at": now,
            "intent_at": now,
            "revision": 0,
        }

    def _new_key(self, now: int) -> str:
        stamp = time.strftime("%y%m%d-%H%M%S", time.gmtime(now / _SECOND))
        return f"{stamp}-" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(5))

    def _mine(self) -> ColumnElement[bool]:
        return tasks.c.simulated.is_(self._simulated)

    def _money(self, connection: Connection) -> tuple[float, float]:
        settled, reserved = connection.execute(_MONEY, {"simulated": self._simulated}).one()
        return float(settled), float(reserved)

    def _check_budget(self, connection: Connection, estimate: Estimate, budget_usd: float | None) -> None:
        if budget_usd is None:
            return
        if estimate.usd_max is None:
            name = estimate.request.spec.name
            raise BudgetExceeded(
                f"a budget is set and the price of this request is not known: {'; '.join(estimate.notes)}. "
                f'Register one: catalog.register("{name}", price=[{{"tier": "default", '
                '"usd_per_million": ...}]). Nothing was sent.',
                short_by=None,
            )
        settled, reserved = self._money(connection)
        short_by = settled + reserved + estimate.usd_max - budget_usd
        # half a millionth of a dollar is rounding, not spending
        if short_by > 5e-7:  # noqa: PLR2004
            raise BudgetExceeded(
                f"this request may cost ${estimate.usd_max:.4f}; of the budget of ${budget_usd:.2f}, "
                f"${settled:.4f} is spent and ${reserved:.4f} is reserved by unfinished tasks. "
                f"Short by ${short_by:.4f}. Nothing was sent.",
                short_by=short_by,
            )

    def _free_nonce(self, connection: Connection, wire_model: str, tier: str, now: int) -> int:
        """16 bits that no other recent intent for this model and tier carries."""
        recent = {"wire_model": wire_model, "tier": tier, "since": now - _NONCE_DAYS * 86_400 * _SECOND}
        for _ in range(_NONCE_DRAWS):
            nonce = secrets.randbelow(_NONCES)
            if connection.execute(_NONCE_SINCE, {**recent, "nonce": nonce}).first() is None:
                return nonce
        free = set(range(_NONCES)).difference(connection.execute(_NONCES_SINCE, recent).scalars())
        if not free:
            raise LogError(
                f"{_NONCES:,} tasks of {wire_model} in {_NONCE_DAYS} days: no free fingerprint is left. "
                "Set execution_expires_after yourself to send without one."
            )
        return secrets.choice(sorted(free))

    def _with_id(self, connection: Connection, task_id: str) -> Row | None:
        found = connection.execute(_BY_TASK_ID, {"task_id": task_id}).mappings().first()
        return None if found is None else dict(found)

    def _lost_intent(self, connection: Connection, answer: Mapping[str, Any]) -> Row | None:
        """The one row that waits for this task's id: the fingerprint in its expiry says so."""
        told = answer.get("execution_expires_after")
        if not isinstance(told, int):
            return None
        lost = and_(
            tasks.c.status.in_(("intent", "unknown")),
            tasks.c.task_id.is_(None),
            tasks.c.nonce == told - catalog.rules().expires_after_default,
            tasks.c.wire_model == answer.get("model"),
            self._mine(),
        )
        found = connection.execute(select(tasks).where(lost)).mappings().all()
        return dict(found[0]) if len(found) == 1 else None

    def _row(self, connection: Connection, key: str) -> Row:
        found = connection.execute(_BY_KEY, {"key": key}).mappings().first()
        if found is None:
            raise LogError(f"the log {self._store.name} has no task {key!r}")
        return dict(found)

    def _change(
        self,
        key: str,
        changes: Row,
        *,
        only: Iterable[str] = (),
        any_status: bool = False,
        call: str = "",
        answer: Mapping[str, Any] | None = None,
    ) -> Row:
        with self._store.write() as connection:
            row = self._row(connection, key)
            if not any_status and row["status"] not in only:
                return row
            return self._apply(connection, row, changes, call, answer)

    def _apply(
        self, connection: Connection, row: Row, changes: Row, call: str, answer: Mapping[str, Any] | None
    ) -> Row:
        news = {name: value for name, value in changes.items() if row.get(name) != value}
        if news:
            news["revision"] = row["revision"] + 1
            connection.execute(_UPDATE, {"of_key": row["key"], **news})
            if answer is not None:
                raw = json.dumps(answer, ensure_ascii=False)
                kept = {"key": row["key"], "at": self._now(), "call": call, "body": raw}
                connection.execute(_KEEP_ANSWER, kept)
        return {**row, **news}


_FREE = {"usd": 0.0, "reserved_usd": 0.0}


def _surprise(row: Row, changes: Row) -> str | None:
    """What came back otherwise than asked for, in words."""
    if row["requested_seed"] is not None and changes.get("seed") not in (None, row["requested_seed"]):
        return f"asked for seed {row['requested_seed']}, got {changes['seed']}"
    return None
