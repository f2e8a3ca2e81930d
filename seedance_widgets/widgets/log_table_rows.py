"""What the table of the log shows: the rows that a person looks for, in their order, a page at a time.

The whole log stays in the kernel. One page of it is sent to the browser, and kept in the notebook.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.units import is_absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["FIRST_COLUMNS", "Looked", "Query", "TableRows"]

FIRST_COLUMNS = ("prompt", "status", "kind", "model", "resolution", "seed", "usd", "created_at")
_SIZES = (10, 25, 50, 100)
_CHOICES = 30  # values of a column that one picks from
_CHOICE_LETTERS = 40
_OWN_WORDS = ("prompt", "note", "remark", "error_message")  # which nobody picks from a list
_SEARCHED = ("seed",)
_LETTERS = 160  # of a cell; the whole text is searched
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Query:
    """What a person looks for.

    Attributes
    ----------
    search
        Words that a row has, all of them, in any column, in any case.
    sort, down
        Column, and whether the greatest comes first.
    filters
        Column to the values of which a row has one, as they are shown.
    page, size
        Which page, from 0, of how many rows.
    """

    search: str = ""
    sort: str = "created_at"
    down: bool = True
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    page: int = 0
    size: int = 25

    @classmethod
    def read(cls, told: Any) -> Query:
        """What a browser asked for; what it should not ask for is as if it were not there."""
        told = told if isinstance(told, Mapping) else {}
        filters = told.get("filters")
        page, size = told.get("page"), told.get("size")
        return cls(
            search=str(told.get("search") or "")[:1000],
            sort=str(told.get("sort") or "created_at"),
            down=told.get("down") is not False,
            filters={
                str(name): [str(value) for value in values]
                for name, values in (filters.items() if isinstance(filters, Mapping) else ())
                if isinstance(values, list) and values
            },
            page=page if type(page) is int and page >= 0 else 0,
            size=size if size in _SIZES else 25,
        )

    def told(self) -> dict[str, Any]:
        """As the browser has it."""
        return {
            "search": self.search, "sort": self.sort, "down": self.down, "page": self.page, "size": self.size,
            "filters": {name: list(values) for name, values in self.filters.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """One look: the keys of the page and its cells as texts, all keys that were found, and the page it is."""

    keys: list[str]
    cells: list[list[str]]
    found: list[str]
    page: int


class TableRows:
    """The rows of a log, ready to be searched.

    Parameters
    ----------
    frame
        As `Log.to_pandas` gives it.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._texts: dict[str, list[str]] = {}
        self._orders: dict[str, list[int]] = {}
        self._lines: list[str] | None = None
        self._places = {key: place for place, key in enumerate(frame.index)}

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return [str(name) for name in self.frame.columns]

    def check_columns(self, names: Iterable[str]) -> list[str]:
        """Names of columns that there are.

        Raises
        ------
        InvalidRequest
            There is no such column, or none at all.
        """
        wanted = list(dict.fromkeys(names))
        problems = [
            Problem("columns", name, "is no column") for name in wanted if name not in self.frame.columns
        ]
        if problems or not wanted:
            none = Problem("columns", [], "a table has at least one")
            raise InvalidRequest(problems or [none], refused="the table is unchanged")
        return wanted

    def place(self, key: str) -> int | None:
        """Where a row is in the frame."""
        return self._places.get(key)

    def with_rows(self, newer: pd.DataFrame) -> TableRows:
        """These rows, some of them as they are now, and new ones; what is known of the others is kept."""
        stays = ~self.frame.index.isin(newer.index)
        places = [place for place, is_kept in enumerate(stays) if is_kept]
        if not places:
            return TableRows(newer)
        columns = [*self.frame.columns, *(name for name in newer.columns if name not in self.frame.columns)]
        # a column that all of one side lack has no type of its own there
        parts = [part.dropna(axis="columns", how="all") for part in (self.frame[stays], newer)]
        rows = TableRows(pd.concat(parts).reindex(columns=columns))
        fresh = TableRows(newer.reindex(columns=columns))
        for name, texts in self._texts.items():
            rows._texts[name] = [*(texts[place] for place in places), *fresh._column(name)]
        if self._lines is not None:
            lines = self._lines
            rows._lines = [*(lines[place] for place in places), *fresh._search_lines()]
        return rows

    def kinds(self, names: Iterable[str]) -> dict[str, str]:
        """Of each column ``number``, ``text`` or, where it is something else, ``value``."""
        return {name: self._kind(name) for name in names}

    def _kind(self, name: str) -> str:
        cells = self.frame[name]
        if pd.api.types.is_string_dtype(cells):
            return "text"
        is_number = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
        return "number" if is_number else "value"

    def choices(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Of each column of a few short texts, those that one may pick; the most frequent first."""
        found = {}
        for name in names:
            if name in _OWN_WORDS or self._kind(name) == "number":
                continue
            counts = Counter(self._column(name))
            values = [value for value, _ in counts.most_common()]
            if 1 < len(values) <= _CHOICES and max(map(len, values)) <= _CHOICE_LETTERS:
                found[name] = values
        return found

    def prepare_search(self) -> None:
        """Make ready what is searched; takes a while for a long log."""
        self._search_lines()

    def look(self, query: Query, columns: Sequence[str]) -> Looked:
        """The page that a query asks for; the last one where there are not so many."""
        found = self._order(query.sort if query.sort in self.frame.columns else "created_at")
        if query.down:
            found = found[::-1]
        for name, values in query.filters.items():
            if name in self.frame.columns:
                texts, wanted = self._column(name), set(values)
                found = [place for place in found if texts[place] in wanted]
        for word in query.search.casefold().split():
            lines = self._search_lines()
            found = [place for place in found if word in lines[place]]
        page = min(query.page, max(0, math.ceil(len(found) / query.size) - 1))
        shown = found[page * query.size : (page + 1) * query.size]
        keys = self.frame.index
        cells = [[_short(self._column(name)[place]) for name in columns] for place in shown]
        found_keys = [str(keys[place]) for place in found]
        return Looked([str(keys[place]) for place in shown], cells, found_keys, page)

    def _column(self, name: str) -> list[str]:
        """A column as texts; they are made once."""
        if name not in self._texts:
            self._texts[name] = [_text(value) for value in self.frame[name].tolist()]
        return self._texts[name]

    def _search_lines(self) -> list[str]:
        """Of each row all its texts, and its seed, in one."""
        if self._lines is None:
            names = [name for name in self.columns if name in _SEARCHED or self._kind(name) == "text"]
            every = [[str(key) for key in self.frame.index], *map(self._column, names)]
            self._lines = ["\n".join(cells).casefold() for cells in zip(*every, strict=True)]
        return self._lines

    def _order(self, name: str) -> list[int]:
        """The places of all rows in the order of a column, the least first; absent ones before all."""
        if name not in self._orders:
            cells = self.frame[name].reset_index(drop=True)
            try:
                cells = cells.sort_values(kind="stable", na_position="first")
            except TypeError:  # a column of a person's own, of several types
                cells = pd.Series(self._column(name)).sort_values(kind="stable")
            self._orders[name] = [int(place) for place in cells.index]
        return self._orders[name]


def _text(value: Any) -> str:
    if is_absent(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[:_LETTERS]}…"
