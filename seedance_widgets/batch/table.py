"""A table of requests as people bring it: a DataFrame, a CSV or Parquet file, dicts, requests or prompts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.inputs.given import names_path
from seedance_widgets.request.fields import FIELDS, MEDIA, SEVERAL
from seedance_widgets.request.tables import is_frame, read_row, several
from seedance_widgets.request.task_request import TaskRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Table", "read_table"]

_MEDIA = {row.name: row for row in MEDIA}
# a cell's text that is no value of a field, unless the field is the prompt
_EMPTY = ("nan", "na", "none", "null", "<na>")
_REFUSED = "the table cannot be read; nothing was sent"


@dataclass(frozen=True)
class Table:
    """Rows with their labels; ``own`` has the table's index and columns as they were given."""

    labels: Sequence[Any]
    rows: Sequence[Mapping[str, Any] | TaskRequest]
    own: pd.DataFrame

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return list(dict.fromkeys(str(name) for row in self.rows if isinstance(row, Mapping) for name in row))


def read_table(given: Any) -> Table:
    """Read a table; relative paths of pictures in a file go from its folder.

    Raises
    ------
    InvalidRequest
        It is no table, or its file cannot be read.
    """
    folder = None
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser()
        given, folder = _read_file(path), path.resolve().parent
    items = several(given, "table")
    own = given if is_frame(given) else pd.DataFrame([_as_row(item) for item in items])
    return Table(list(own.index), [_row(item, folder) for item in items], own)


def _read_file(path: Path) -> pd.DataFrame:
    kind = path.suffix.lower()
    try:
        if kind in (".csv", ".tsv", ".txt"):
            # a campaign may be called NA, and a prompt "None": what is absent is the empty cell
            return pd.read_csv(
                path, sep="\t" if kind == ".tsv" else ",", keep_default_na=False, na_values=[""]
            )
        if kind in (".parquet", ".pq"):
            return pd.read_parquet(path)
    except ImportError:
        reason = "needs pyarrow: pip install pyarrow"
    except FileNotFoundError:
        reason = "is not there"
    except (OSError, ValueError, UnicodeError) as error:
        reason = f"cannot be read: {error}"
    else:
        reason = "is neither a .csv, .tsv nor .parquet file"
    raise InvalidRequest([Problem("table", str(path), reason)], refused=_REFUSED)


def _as_row(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return {str(name): value for name, value in item.items()}
    return {"prompt": item.prompt if isinstance(item, TaskRequest) else item}


def _row(item: Any, folder: Path | None) -> Mapping[str, Any] | TaskRequest:
    if isinstance(item, TaskRequest):
        return item
    if not isinstance(item, Mapping | str):
        reason = "is neither a dict of a request's fields, a TaskRequest nor a prompt"
        raise InvalidRequest([Problem("table", f"<{type(item).__name__}>", reason)], refused=_REFUSED)
    cells = read_row(_as_row(item))
    return {name: _value(name, value, folder) for name, value in cells.items() if not _is_absent(name, value)}


def _is_absent(name: str, value: Any) -> bool:
    is_text = name not in FIELDS or name == "prompt"
    return not is_text and isinstance(value, str) and value.strip().lower() in _EMPTY


def _value(name: str, value: Any, folder: Path | None) -> Any:
    """A cell's value; several inputs in a cell are a JSON list, and a picture's path goes from the folder."""
    if name not in _MEDIA or not isinstance(value, str):
        return value
    if _MEDIA[name].kind in SEVERAL and value.lstrip().startswith("["):
        try:
            return [_beside(each, folder) for each in json.loads(value)]
        except (ValueError, TypeError):
            return value
    return _beside(value, folder)


def _beside(text: Any, folder: Path | None) -> Any:
    if folder is None or not isinstance(text, str) or not names_path(text) or text.startswith("~"):
        return text
    return folder / text
