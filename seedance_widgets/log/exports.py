"""The log as a file, and read back the same: Parquet, CSV or an Excel sheet.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and a prompt may begin
so. In CSV and Excel such a text is written with an apostrophe before it, as is one that begins with an
apostrophe, and an empty one, which would be read as absent. `read_log` takes that apostrophe away again.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import BigInteger, Boolean, Float, Integer

from seedance_widgets.errors import InvalidRequest, LogError, Problem
from seedance_widgets.log.schema import FRAME_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TIME", "read_log", "type_of", "write_log"]

_RUN = ("=", "+", "-", "@", "\t", "\r", "'")
_SHEET = "log"
_NEEDS = {"parquet": "pyarrow", "xlsx": "openpyxl", "csv": "pandas"}
_CELL = 32_767  # letters that a cell of Excel holds
TIME: Any = "datetime64[us, UTC]"
_MARK = "'"
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # how a sheet writes a letter that it has not


def write_log(frame: pd.DataFrame, path: Path | str, kind: str) -> Path:
    """Write rows of the log; a file that is there is replaced, whole or not at all.

    Parameters
    ----------
    frame
        As `Log.to_pandas` gives it.
    path
        Of the file.
    kind
        ``parquet``, ``csv`` or ``xlsx``.

    Raises
    ------
    LogError
        It cannot be written; what was there before is unchanged.
    """
    target = Path(path).expanduser()
    part = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part.{kind}")
    try:
        _WRITERS[kind](frame, part)
        part.replace(target)
    except ImportError as error:
        raise LogError(
            f"{target.name} was not written: {_NEEDS[kind]} is needed for it. "
            "pip install 'seedance-widgets[tables]'"
        ) from error
    except (OSError, ValueError) as error:
        raise LogError(f"{target} was not written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def read_log(path: Path | str) -> pd.DataFrame:
    """A log that was written to a file, as `Log.to_pandas` gave it: columns, types, times and index.

    Parameters
    ----------
    path
        Of a file that `Log.to_parquet`, `Log.to_csv` or `Log.to_excel` has written: ``.parquet``, ``.csv`` or
        ``.xlsx``.

    Raises
    ------
    InvalidRequest
        There is no such file, it is of another kind, or it is no log.
    """
    source = Path(path).expanduser()
    kind = source.suffix.lower().lstrip(".")
    if kind not in _READERS:
        raise _unread(source, "is no .parquet, .csv or .xlsx")
    try:
        frame = _READERS[kind](source)
    except FileNotFoundError:
        raise _unread(source, "is not there") from None
    except ImportError as error:
        reason = f"needs {_NEEDS[kind]}: pip install 'seedance-widgets[tables]'"
        raise _unread(source, reason) from error
    except Exception as error:  # a file that is damaged, or none of ours, may make a reader raise anything
        raise _unread(source, f"cannot be read: {error}") from error
    if "key" not in frame.columns and frame.index.name != "key":
        raise _unread(source, 'is no log: it has no column "key"')
    if frame.index.name != "key":
        frame = frame.set_index("key")
    frame.index = frame.index.astype("string")
    for name in frame.columns:
        frame[name] = _typed(frame[name], type_of(str(name)))
    return frame


def _unread(path: Path, reason: str) -> InvalidRequest:
    return InvalidRequest([Problem("path", str(path), reason)], refused="nothing was read")


_TYPES = {
    **{
        str(column.name): (
            TIME
            if column.info.get("time")
            else "boolean"
            if isinstance(column.type, Boolean)
            else "Int64"
            if isinstance(column.type, BigInteger | Integer)
            else "Float64"
            if isinstance(column.type, Float)
            else "string"
        )
        for column in FRAME_COLUMNS
    },
    "starred": "boolean",
}


def type_of(name: str) -> Any:
    """The dtype of a column of the log, None for one that it has not."""
    kind = {"tags": "string", "metrics": "Float64"}.get(name.partition(".")[0]) if "." in name else None
    return kind or _TYPES.get(name)


def _typed(cells: pd.Series[Any], kind: Any) -> Any:
    if kind is None:
        return cells
    if kind == TIME:
        return pd.to_datetime(cells, utc=True, format="ISO8601").astype(TIME)
    if kind == "boolean" and not pd.api.types.is_bool_dtype(cells):
        cells = cells.map({"True": True, "False": False, True: True, False: False})
    if kind in ("Int64", "Float64") and pd.api.types.is_string_dtype(cells):
        cells = pd.to_numeric(cells)
    return cells.astype(kind)


# --- texts in cells --------------------------------------------------------------------------------------


def _marked(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.reset_index()
    for name in map(str, frame.select_dtypes("string").columns):
        frame[name] = frame[name].map(_mark, na_action="ignore").astype("string")
    for name in map(str, frame.select_dtypes("datetimetz").columns):
        texts = frame[name].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        frame[name] = texts.astype("string")
    return frame


def _mark(text: str) -> str:
    return _MARK + text if not text or text.startswith(_RUN) else text


def _unmarked(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame.columns:
        texts = frame[name].astype("string")
        frame[name] = texts.str.removeprefix(_MARK)
    return frame


# --- each kind of file -----------------------------------------------------------------------------------


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    # a name of its own may hold half of a pair, as Windows allows
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        _marked(frame).to_csv(file, index=False, lineterminator="\r\n")


def _read_csv(path: Path) -> pd.DataFrame:
    return _unmarked(
        pd.read_csv(
            path,
            dtype="string",
            keep_default_na=False,
            na_values=[""],
            encoding_errors="surrogatepass",
            engine="c",
        )
    )


def _write_excel(frame: pd.DataFrame, path: Path) -> None:
    from openpyxl.utils.escape import escape

    texts = _marked(frame)
    for name in map(str, texts.select_dtypes("string").columns):
        cells = [None if pd.isna(cell) else escape(_ESCAPE.sub("_x005F_", cell)) for cell in texts[name]]
        for key, cell in zip(texts["key"], cells, strict=True):
            if cell is not None and len(cell) > _CELL:
                raise ValueError(
                    f"{name} of {key} is longer than the {_CELL:,} letters that a cell of Excel holds; "
                    "to_parquet and to_csv take it"
                )
        texts[name] = pd.array(cells, dtype="object")
    texts.to_excel(path, sheet_name=_SHEET, index=False, engine="openpyxl", freeze_panes=(1, 1))


def _read_excel(path: Path) -> pd.DataFrame:
    from openpyxl.utils.escape import unescape

    found = pd.read_excel(path, engine="openpyxl", dtype="object", keep_default_na=False, na_values=[""])
    for name in found.columns:
        found[name] = [None if pd.isna(cell) else unescape(str(cell)) for cell in found[name]]
    return _unmarked(found)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, engine="pyarrow")


def _read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, engine="pyarrow")


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": _write_csv,
    "xlsx": _write_excel,
    "parquet": _write_parquet,
}
_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": _read_csv,
    "xlsx": _read_excel,
    "parquet": _read_parquet,
}
