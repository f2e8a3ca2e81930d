"""What came of what: a draft, its finals, the clips that go on from them; as a table and as a picture."""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from sqlalchemy import select

from seedance_widgets.errors import LogError
from seedance_widgets.log.dataframes import tasks_frame
from seedance_widgets.log.schema import tasks
from seedance_widgets.log.store import batches
from seedance_widgets.media.video_file import shrink
from seedance_widgets.units import amount_text, count_text, data_url, is_absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from seedance_widgets.log.store import Store

__all__ = ["Lineage", "lineage"]

_COLUMNS = [
    "depth", "relation", "status", "kind", "model", "prompt", "resolution", "seed", "tokens", "usd",
    "created_at", "parent_key", "video_path", "poster_path",
]  # fmt: skip
# the picture above the table says it, by its lines and posters
_UNSHOWN = ["depth", "parent_key", "video_path", "poster_path"]
# of the picture, px
_BOX = (212, 58)
_STEP = (248, 72)
_POSTER = (64, 36)
_POSTER_BYTES = 1_100
_POSTERS = 40
_LETTERS = 29


class _Knot(NamedTuple):
    """What a row says of its place in a tree."""

    key: str
    parent_key: str | None
    resent_as: str | None
    kind: str
    chain: str | None
    intent_at: int


_KNOT = select(*(tasks.c[name] for name in _Knot._fields))


class Lineage(pd.DataFrame):
    """A table of tasks, root first, each before what came of it; a notebook shows the tree above it.

    Indexed by ``key``; ``depth`` counts from 0 at the root, ``relation`` is ``root``, ``final`` (of a draft),
    ``next clip`` (begins with its parent's last frame), ``sent again`` or ``child``. Times are UTC, money is
    in USD. A notebook leaves out what the tree shows: ``depth``, ``parent_key`` and paths. What is selected
    from it is a plain DataFrame.
    """

    def _repr_html_(self) -> str:
        begun = self["created_at"].dt.strftime("%Y-%m-%d %H:%M:%S")
        shown = self.drop(columns=_UNSHOWN).assign(created_at=begun)
        table = shown._repr_html_()
        # the class keeps MathJax from reading prompts as formulas
        return f'<div class="tex2jax_ignore">{_picture(self)}{table}</div>'


def lineage(store: Store, home: Path, key: str) -> Lineage:
    """The whole tree that a task is part of.

    Raises
    ------
    LogError
        There is no such task.
    """
    with store.read() as connection:
        own = next(_knots(connection, tasks.c.key == key), None)
        if own is None:
            raise LogError(f"the log {store.name} has no task {key!r}")
        root = _root(connection, own)
        knots, relations = _tree(connection, root)
    after: dict[str, list[str]] = {}
    for child in sorted((knots[child] for child in relations), key=lambda knot: (knot.intent_at, knot.key)):
        after.setdefault(relations[child.key][0], []).append(child.key)
    order = list(_walk(root.key, after))
    frame = tasks_frame(store, home, tasks.c.key.in_([each for each, _ in order]))
    frame = frame.reindex([each for each, _ in order if each in frame.index])
    depths = dict(order)
    frame["depth"] = pd.Series([depths[each] for each in frame.index], frame.index, dtype="Int64")
    told = ["root", *(relations[each][1] for each in frame.index[1:])]
    frame["relation"] = pd.Series(told, frame.index, dtype="string")
    return Lineage(frame[_COLUMNS])


def _knots(connection: Connection, which: ColumnElement[bool]) -> Iterator[_Knot]:
    return (_Knot(*line) for line in connection.execute(_KNOT.where(which)))


def _root(connection: Connection, row: _Knot) -> _Knot:
    """What all of it came of: up from a row until nothing is above."""
    seen = {row.key}
    while True:
        above = next(_knots(connection, tasks.c.resent_as == row.key), None)
        if above is None and row.parent_key is not None:
            above = next(_knots(connection, tasks.c.key == row.parent_key), None)
        if above is None or above.key in seen:
            return row
        seen.add(above.key)
        row = above


def _tree(connection: Connection, root: _Knot) -> tuple[dict[str, _Knot], dict[str, tuple[str, str]]]:
    """All rows that came of a root, by key; and of each but the root what it came of, and how."""
    knots, relations = {root.key: root}, dict[str, tuple[str, str]]()
    level = [root]
    while level:
        sent_again = {row.resent_as: row.key for row in level if row.resent_as is not None}
        found = [
            row
            for column, keys in ((tasks.c.parent_key, [row.key for row in level]), (tasks.c.key, sent_again))
            for part in batches(keys)
            for row in _knots(connection, column.in_(part))
            if row.key != root.key
        ]
        for row in found:
            if row.key in sent_again:
                relations[row.key] = (sent_again[row.key], "sent again")
            elif row.key not in relations:
                relation = "final" if row.kind == "final" else "next clip" if row.chain else "child"
                relations[row.key] = (str(row.parent_key), relation)
        level = list({row.key: row for row in found if row.key not in knots}.values())
        knots |= {row.key: row for row in level}
    return knots, relations


def _walk(root: str, after: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    waiting, seen = [(root, 0)], set[str]()
    while waiting:
        key, depth = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        yield key, depth
        waiting += [(each, depth + 1) for each in reversed(after.get(key, []))]


def _picture(frame: pd.DataFrame) -> str:
    """The tree as an SVG: depth to the right, each branch on a line of its own."""
    places: dict[str, tuple[int, int]] = {}
    line = -1
    for key, depth in frame["depth"].items():
        previous = frame.index[max(0, len(places) - 1)]
        # the first thing that came of a task stands beside it, the others below
        line += not (places and depth == frame["depth"][previous] + 1)
        places[str(key)] = (int(depth) * _STEP[0] + 1, line * _STEP[1] + 1)
    width = max(x for x, _ in places.values()) + _BOX[0] + 1
    height = max(y for _, y in places.values()) + _BOX[1] + 1
    drawn = []
    for number, (key, row) in enumerate(frame.iterrows()):
        x, y = places[str(key)]
        above = _above(frame, number)
        if above is not None:
            from_x, from_y = places[above]
            start, end = (from_x + _BOX[0], from_y + _BOX[1] // 2), (x, y + _BOX[1] // 2)
            bend = (start[0] + end[0]) // 2
            drawn.append(
                f'<path d="M{start[0]} {start[1]}H{bend}V{end[1]}H{end[0]}" fill="none" '
                'stroke="currentColor" stroke-opacity="0.5"/>'
            )
        drawn.append(_box(str(key), row, x, y, with_poster=number < _POSTERS))
    said = ", ".join(frame["relation"] + " " + frame["status"])
    words = f"{count_text(len(frame), 'task')}: {said}"
    return (
        '<div style="overflow-x:auto;color:var(--jp-ui-font-color1,#212121)">'
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="var(--jp-ui-font-family,sans-serif)" font-size="11" '
        f'fill="currentColor"><title>{escape(words)}</title>{"".join(drawn)}</svg></div>'
    )


def _above(frame: pd.DataFrame, number: int) -> str | None:
    """The task that a row came of: the last one before it that is one less deep."""
    depth = frame["depth"].iloc[number]
    for earlier in range(number - 1, -1, -1):
        if frame["depth"].iloc[earlier] == depth - 1:
            return str(frame.index[earlier])
    return None


def _box(key: str, row: pd.Series[Any], x: int, y: int, *, with_poster: bool) -> str:
    poster = _poster(row["poster_path"]) if with_poster else None
    left = x + 6 + (_POSTER[0] + 6 if poster else 0)
    letters = _LETTERS - (10 if poster else 0)
    prompt = "" if is_absent(row["prompt"]) else str(row["prompt"])
    relation = row["kind"] if row["relation"] == "root" else row["relation"]
    cost = "" if is_absent(row["usd"]) else amount_text(row["usd"], 4)
    size = "" if is_absent(row["resolution"]) else str(row["resolution"])
    lines = (
        f'<tspan font-weight="600">{escape(str(relation))}</tspan>',
        escape(str(row["status"])),
        escape(" · ".join(filter(None, (size, cost)))[: letters + 6]),
        escape(textwrap.shorten(prompt, letters, placeholder=" …") or key[-letters:]),
    )
    text = "".join(
        f'<text x="{left}" y="{y + 13 + 13 * number}">{line}</text>' for number, line in enumerate(lines)
    )
    dashed = "" if row["status"] == "succeeded" else ' stroke-dasharray="4 3"'
    image = (
        f'<image x="{x + 6}" y="{y + 11}" width="{_POSTER[0]}" height="{_POSTER[1]}" href="{poster}"/>'
        if poster
        else ""
    )
    return (
        f'<g><title>{escape(f"{key}: {prompt}")}</title><rect x="{x}" y="{y}" width="{_BOX[0]}" '
        f'height="{_BOX[1]}" rx="4" fill="none" stroke="currentColor"{dashed}/>{image}{text}</g>'
    )


def _poster(path: Any) -> str | None:
    if is_absent(path) or not Path(path).exists():
        return None
    return data_url(shrink(Path(path), _POSTER_BYTES, widths=(2 * _POSTER[0],)), "image/jpeg")
