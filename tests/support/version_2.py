"""A home, a log and notebooks as version 2 of the log left them, and what they hold.

`read` goes by public names only. The script that made ``fixtures/version_2`` wrote down what the package of
then said (``expected.json``), and the tests hold what today's says against it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pandas as pd

import seedance_widgets as sw

FOLDER = Path(__file__).parents[1] / "fixtures" / "version_2"
# what a person wrote then and runs again today: the model and all else are left to their defaults
CHAIN = ["A fox wakes in the snow", "It runs into the forest"]
STUDY = {
    "arms": {"plain": "{item}", "dolly": "{item}, slow dolly in"},
    "items": ["a fox", "a crane"],
    "seeds": 1,
}
REVEALED = {
    "arms": {"loud": {"generate_audio": True}, "silent": {"generate_audio": False}},
    "items": [{"name": "owl", "prompt": "an owl at night"}],
    "seeds": [11],
    "prompt": "{prompt}",
    "resolution": "480p",
    "duration": 4,
}
RATERS = ("ann", "ben")


def restore(folder: Path) -> Path:
    """The home as it was, in a folder of the test's own."""
    home = shutil.copytree(FOLDER / "home", folder / "runs")
    for dump in home.glob("*.sql"):
        with contextlib.closing(sqlite3.connect(dump.with_suffix(".sqlite"))) as database:
            database.executescript(dump.read_text("utf-8"))
        dump.unlink()
    return home


def read(home: Path, now: float, log: str | None = None) -> dict[str, object]:
    """What a home holds, as JSON; nothing is sent.

    Parameters
    ----------
    home
        Of a studio that simulates.
    now
        Seconds since 1970 at which it is looked at.
    log
        Its address, where it is not in the home.
    """
    service = sw.Simulator(state=home / "simulator.sqlite", clock=lambda: now)
    with sw.Studio(home, simulate=service, clock=lambda: now, log=log) as studio:
        found = studio.log
        keys = found.to_pandas().index
        told: dict[str, object] = {
            "tasks": _table(found.to_pandas(), home),
            "unknown": _table(found.unknown(), home),
            "expiring": _table(found.expiring(), home),
            "verdicts": _table(found.verdicts(), home),
            "starred": [key for key in keys if sw.run(studio.task(key)).starred],
            "drafts": [row["key"] for row in studio.drafts()],
            "spent": studio.spent,
            "reserved": studio.reserved,
            "lineage": {key: list(tree) for key in keys if len(tree := found.lineage(key).index) > 1},
            "requests": {key: _request(sw.run(studio.task(key))) for key in keys},
        }
        sealed, opened = studio.study("fox", **STUDY), studio.study("sound", **REVEALED)
        told["sealed"] = {
            "repr": repr(sealed),
            "seeds": list(sealed.seeds),
            "trials": {rater: [trial.id for trial in sealed.trials(rater)] for rater in RATERS},
            "progress": {rater: list(sealed.progress(rater)) for rater in RATERS},
            "votes": _table(sealed.votes, home),
            "results": _table(sealed.results(peek=True), home),
        }
        told["opened"] = {
            "repr": repr(opened),
            "votes": _table(opened.votes, home),
            "results": _table(opened.results(), home),
            "strengths": _table(opened.strengths(), home),
            "spending": _table(opened.spending(), home),
            "raters": _table(opened.raters(), home),
        }
    service.close()
    return told


def _request(task: sw.Task) -> object:
    """The body of a task's request; None for a task of which it is not known."""
    try:
        body = json.loads(task.request.to_json())
    except sw.SeedanceError:
        return None
    for part in body["content"]:
        for value in part.values():
            if isinstance(value, dict) and str(value.get("url", "")).startswith("data:"):
                value["url"] = hashlib.sha256(value["url"].encode()).hexdigest()
    return body


def _table(frame: pd.DataFrame, home: Path) -> dict[str, object]:
    """A DataFrame's types, and its values with paths relative to the home."""
    flat = frame.reset_index()
    return {
        "index": list(frame.index.names),
        "types": {name: str(kind) for name, kind in flat.dtypes.items()},
        "values": {name: [_plain(value, home) for value in flat[name]] for name in flat.columns},
    }


def _plain(value: object, home: Path) -> object:
    if isinstance(value, str):
        return value.removeprefix(f"{home}/")
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(each, home) for each in value]
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
