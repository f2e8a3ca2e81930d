"""Votes as tables: sealed ones, which tell nothing of the arms, and open ones, joined to the tasks' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seedance_widgets.study.trials import Pairing

__all__ = ["ballots", "sealed_table", "trial_table", "votes_table"]

_SEALED = {
    "rater": "string",
    "trial": "string",
    "criterion": "string",
    "choice": "string",
    "seconds": "Float64",
    "sound": "boolean",
}
_OPEN = {
    "kind": "string",
    "item": "string",
    "seed": "Int64",
    "arm_left": "string",
    "arm_right": "string",
    "left_key": "string",
    "right_key": "string",
}


def sealed_table(votes: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Votes without anything that tells clips apart."""
    return _table(votes, _SEALED)


def votes_table(votes: Iterable[Mapping[str, Any]], tasks: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Votes with the arm on each side, the item and the seed, which are those of the two tasks."""
    by_key = {row["key"]: row for row in tasks}
    joined = []
    for vote in votes:
        left, right = by_key[vote["left_key"]], by_key[vote["right_key"]]
        told = {"item": left["item"], "seed": left["study_seed"]}
        joined.append({**vote, **told, "arm_left": left["arm"], "arm_right": right["arm"]})
    return _table(joined, {**_SEALED, **_OPEN})


def trial_table(pairings: Iterable[Pairing], criteria: Sequence[str]) -> pd.DataFrame:
    """What is behind trials, one row a question: what a simulated rater judges."""
    return pd.DataFrame(
        [
            {
                "trial": pair.id,
                "item": pair.left[1],
                "seed": pair.left[2],
                "arm_left": pair.left[0],
                "arm_right": pair.right[0],
                "criterion": criterion,
            }
            for pair in pairings
            for criterion in (*criteria,) or (None,)
        ]
    )


def ballots(rater: str, judged: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The votes of a judged table, as `Voting.cast` wants them."""
    for row in judged.to_dict("records"):
        criterion = None if pd.isna(row["criterion"]) else row["criterion"]
        given = {"trial": row["trial"], "choice": row["choice"], "seconds": float(row["seconds"])}
        yield {"rater": rater, **given, "criterion": criterion}


def _table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    listed = list(rows)
    frame = pd.DataFrame(
        {name: pd.array([row[name] for row in listed], dtype=dtype) for name, dtype in columns.items()}  # type: ignore[call-overload]  # names of dtypes
    )
    frame["at"] = pd.to_datetime(pd.Series([row["at"] for row in listed], dtype="Int64"), unit="us", utc=True)
    return frame
