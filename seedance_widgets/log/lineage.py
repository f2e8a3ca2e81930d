"""What came of what: a draft, its finals, the clips that go on from them; as a table and as a picture."""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import or_, select

from seedance_widgets.errors import LogError
from seedance_widgets.log.dataframes import tasks_frame
from seedance_widgets.log.schema import tasks
from seedance_widgets.media.video_file import shrink
from seedance_widgets.units import amount_text, count_text, data_url, is_absent

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    before, after = _edges(store)
    with store.read() as connection:
        if connection.execute(select(tasks.c.key).where(tasks.c.key == key)).first() is None:
            raise LogError(f"the log {store.name} has no task {key!r}")
    root, seen = key, {key}
    while (above := before.get(root, (None, ""))[0]) is not None and above not in seen:
        root = above
        seen.add(root)
    order = list(_walk(root, after))
    frame = tasks_frame(store, home, tasks.c.key.in_([each for each, _ in order]))
    frame = frame.reindex([each for each, _ in order if each in frame.index])
    depths = dict(order)
    frame["depth"] = pd.Series([depths[each] for each in frame.index], frame.index, dtype="Int64")
    relations = ["root", *(before[each][1] for each in frame.index[1:])]
    frame["relation"] = pd.Series(relations, frame.index, dtype="string")
    return Lineage(frame[_COLUMNS])


def _edges(store: Store) -> tuple[dict[str, tuple[str | None, str]], dict[str, list[str]]]:
    """What each task came of and how, and what came of each, in the order they were begun."""
    wanted = select(tasks.c.key, tasks.c.parent_key, tasks.c.resent_as, tasks.c.kind, tasks.c.chain).where(
        or_(tasks.c.parent_key.is_not(None), tasks.c.resent_as.is_not(None))
    )
    with store.read() as connection:
        rows = connection.execute(wanted.order_by(tasks.c.intent_at, tasks.c.key)).all()
        known = set(connection.execute(select(tasks.c.key)).scalars())
    before: dict[str, tuple[str | None, str]] = {}
    for row in rows:
        if row.parent_key in known:
            relation = "final" if row.kind == "final" else "next clip" if row.chain else "child"
            before[row.key] = (row.parent_key, relation)
    for row in rows:
        if row.resent_as in known:
            before[row.resent_as] = (row.key, "sent again")
    after: dict[str, list[str]] = {}
    for each in sorted(before):  # keys begin with the time
        after.setdefault(str(before[each][0]), []).append(each)
    return before, after


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
