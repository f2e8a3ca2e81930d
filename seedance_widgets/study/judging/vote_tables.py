"""Votes as tables: sealed ones, which tell nothing of the arms, and open ones, joined to the tasks' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.study.judging.trials import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.log.studies import Vote
    from seedance_widgets.study.judging.trials import Pairing

__all__ = ["ballots", "blind_table", "trial_table", "votes_table"]

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


def blind_table(votes: Iterable[Vote]) -> pd.DataFrame:
    """Votes without anything that tells clips apart."""
    return _table([vote._asdict() for vote in votes], _SEALED)


def votes_table(votes: Iterable[Vote], tasks: Iterable[TaskRow]) -> pd.DataFrame:
    """Votes with the arm on each side, the item and the seed, which are those of the two tasks."""
    by_key = {row.key: row for row in tasks}
    joined = []
    for vote in votes:
        left, right = by_key[vote.left_key], by_key[vote.right_key]
        told = {"item": left.item, "seed": left.study_seed}
        joined.append({**vote._asdict(), **told, "arm_left": left.arm, "arm_right": right.arm})
    return _table(joined, {**_SEALED, **_OPEN})


def trial_table(pairings: Iterable[Pairing], criteria: Sequence[str]) -> pd.DataFrame:
    """The secrets of trials, one row a question, for simulated raters."""
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


def ballots(rater: str, judged: pd.DataFrame) -> Iterator[Judgement]:
    """The judgements in a table of judged trials."""
    for row in judged.to_dict("records"):
        criterion = None if pd.isna(row["criterion"]) else row["criterion"]
        yield Judgement(row["trial"], rater, row["choice"], criterion, float(row["seconds"]))


def _table(lines: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {name: pd.array([line[name] for line in lines], dtype=dtype) for name, dtype in columns.items()}  # type: ignore[call-overload]  # names of dtypes
    )
    moments = pd.Series([line["at"] for line in lines], dtype="Int64")
    frame["at"] = pd.to_datetime(moments, unit="us", utc=True)
    return frame
