"""Which task of the service a row is of: what tells them apart, and what a row says once it is known.

A row carries a fingerprint in the expiry of its request, which every answer echoes, and a seed, which is
shown once a task has succeeded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from seedance_widgets import catalog
from seedance_widgets.log.admission import NONCE_DAYS
from seedance_widgets.log.answers import UNCLEAR
from seedance_widgets.log.schema import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from seedance_widgets.log.rows import Row

__all__ = ["OPEN_TO_MATCH", "lost_intent", "match", "reopened", "seed_differs", "surprise", "unmatch"]

# not_created says what was believed: the service's own record of the task is better evidence
OPEN_TO_MATCH = (*UNCLEAR, "not_created")

_SECOND = 1_000_000
_LAST = 1 << 31  # no expiry is beyond


def seed_differs(row: Mapping[str, Any], seed: object) -> bool:
    """Whether a task that shows this seed cannot be the one that the row asked for."""
    return None not in (row["requested_seed"], seed) and seed != row["requested_seed"]


def surprise(row: Mapping[str, Any], seed: object) -> str | None:
    """What came back otherwise than asked for, in words."""
    return f"asked for seed {row['requested_seed']}, got {seed}" if seed_differs(row, seed) else None


def lost_intent(
    connection: Connection, answer: Mapping[str, Any], *, simulated: bool, now: int
) -> Row | None:
    """The one row that waits for the task of an answer: its fingerprint and its seed say so.

    Parameters
    ----------
    connection
        In a transaction.
    answer
        About the task, as the service gives it.
    simulated
        Kind of the rows.
    now
        Microseconds since 1970: a fingerprint is unique among the intents of some days.
    """
    told, seed, model = (answer.get(name) for name in ("execution_expires_after", "seed", "model"))
    if type(told) is not int or not 0 < told < _LAST:
        return None
    lost = and_(
        tasks.c.status.in_(OPEN_TO_MATCH),
        tasks.c.task_id.is_(None),
        tasks.c.nonce == told - catalog.rules().expires_after_default,
        tasks.c.wire_model == (model if isinstance(model, str) else None),
        tasks.c.intent_at > now - NONCE_DAYS * 86_400 * _SECOND,
        tasks.c.simulated.is_(simulated),
    )
    rows = [dict(row) for row in connection.execute(select(tasks).where(lost)).mappings()]
    found = [row for row in rows if not seed_differs(row, seed if type(seed) is int else None)]
    return found[0] if len(found) == 1 else None


def reopened(row: Row) -> Row:
    """Columns of a row that may cost something, which is reserved again if it was not any more."""
    return {
        "candidates": None,
        "note": None,
        "finished_at": None,
        "usd": None,
        "reserved_usd": row["reserved_usd"] or row["est_usd"] or 0.0,
    }


def match(row: Row, task_id: str, by: str | None) -> Row:
    """Columns of a row whose task is known; ``by`` is ``fingerprint``, ``person``, or None for its sender."""
    return {
        **reopened(row),
        "task_id": task_id,
        "status": "queued",
        "matched_by": by,
        "error_message": None,
    }


def unmatch(row: Row, seed: int) -> Row:
    """Columns of a row whose task turned out to be another's."""
    return {
        "task_id": None,
        "status": "unknown",
        "matched_by": None,
        "candidates": json.dumps([row["task_id"]]),
        "error_message": f"task {row['task_id']} had its fingerprint, but has seed {seed}, not "
        f"{row['requested_seed']}",
    }
