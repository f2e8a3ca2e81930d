"""Many drafts for the price of one: a draft that was really made, and copies of its row and files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import seedance_widgets as sw
from seedance_widgets.log.schema import tasks

DRAFT = {
    "model": "seedance-1-5-pro",
    "draft": True,
    "resolution": "480p",
    "ratio": "16:9",
    "duration": 4,
}
ANIMALS = ("fox", "otter", "heron", "cat")


def many_drafts(studio, count):
    """``count`` drafts of a studio, in the order they were begun; all but the first are copies."""
    first = sw.run(studio.generate("A fox by the sea", seed=0, **DRAFT))
    runtime = studio.runtime
    row = runtime.journal.row(first.key).to_dict()
    copies = []
    for number in range(1, count):
        key = f"{row['key'][:-5]}{secrets.token_hex(3)[:5]}{number}"
        copy = {
            **row,
            "key": key,
            "task_id": f"{row['task_id']}-{number}",
            "seed": number,
            "requested_seed": number,
            "prompt": f"A {ANIMALS[number % 4]} by the sea",
            "created_at": row["created_at"] + number,
            "intent_at": row["intent_at"] + number,
        }
        for column in ("video_path", "poster_path"):
            copy[column] = row[column].replace(row["key"], key)
            target = Path(studio.home / copy[column])
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(studio.home / row[column], target)
        copies.append(copy)
    if copies:
        with runtime._store.write() as connection:
            connection.execute(tasks.insert(), copies)
    return [first, *(runtime.registry.task_of(runtime.journal.row(copy["key"])) for copy in copies)]
