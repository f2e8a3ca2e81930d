"""Two tasks side by side, and of both only what differs: what was asked, and what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.log.schema import tasks
from seedance_widgets.request.fields import MEDIA, PARAMETERS
from seedance_widgets.request.from_body import params_of

if TYPE_CHECKING:
    from seedance_widgets.log.row import TaskRow

__all__ = ["body_of", "differences"]

_SETTINGS = {"requested_seed", *(name for name, row in PARAMETERS.items() if row.logged)}
_ASKED = (
    "model", "kind", "mode", "prompt", *(column.name for column in tasks.c if column.name in _SETTINGS),
    *(row.name for row in MEDIA), "parent_key", "study", "arm", "item",
)  # fmt: skip
_CAME = ("status", "error_code", "width", "height", "frames", "seed", "tokens", "usd", "verdict")


def differences(a: TaskRow, b: TaskRow) -> pd.DataFrame:
    """What differs between two rows of the log; absent is None.

    The index is the name of the field, the columns are the two keys. Times, ids, addresses and what this
    package itself adds to a request to recognise it say nothing about the clips, and are left out.
    """
    sides = [_facts(row) for row in (a, b)]
    names = dict.fromkeys(name for side in sides for name in side)
    apart = [name for name in names if sides[0].get(name) != sides[1].get(name)]
    table = {
        row.key: pd.Series([side.get(name) for name in apart], index=apart, dtype="object")
        for row, side in zip((a, b), sides, strict=True)
    }
    frame = pd.DataFrame(table, index=pd.Index(apart, dtype="object"))
    frame.index.name = "field"
    return frame


def body_of(row: TaskRow) -> dict[str, Any]:
    """The body that a row was sent with, pictures as paths relative to the home; without our fingerprint."""
    body: dict[str, Any] = json.loads(row.body) if row.body else {}
    if row.nonce is not None:
        body.pop("execution_expires_after", None)
    return body


def _facts(row: TaskRow) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in (*_ASKED, *_CAME)}
    if row.kind == "final" and row.requested_seed is None:
        facts["requested_seed"] = row.seed  # its draft's, which is reused and not sent again
    body = body_of(row)
    if body:
        params = params_of(body)
        # endpoint or not, the row says which model it is
        facts |= {name: value for name, value in params.items() if name not in (*facts, "model", "seed")}
    return facts
