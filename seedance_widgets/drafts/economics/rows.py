"""Any table in the log's shape as rows that can be counted: from a log, a CSV file, or made by hand.

A CSV file keeps no types: times and booleans come back as text, whole numbers as floats, absent as NaN or
as ``""``. Here every column that is counted gets one type, and what cannot be read is refused by name,
because a sum of money that silently leaves rows out is worse than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.units import is_absent

if TYPE_CHECKING:
    from collections.abc import Sequence

from typing import TYPE_CHECKING

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["check_table", "label_of", "of_one_kind", "read_rows", "value_text"]

_NEEDED = ("status", "kind", "model", "resolution", "usd")
_TEXTS = (
    "status", "kind", "model", "resolution", "service_tier", "parent_key", "verdict", "price_id", "study",
)  # fmt: skip
_NUMBERS = ("usd", "tokens", "est_tokens", "est_usd", "duration", "frames")
_FLAGS = ("generate_audio", "simulated")
_ABSENT = ("", "<NA>", "NaN", "nan", "None", "NaT")
_SPELLED = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def read_rows(frame: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Typed copy of the columns that are counted, indexed by ``key``; ``frame`` is left as it is.

    Numbers are float64 (absent is NaN), flags ``boolean``, texts ``string``, ``created_at`` UTC, and
    ``seconds`` is the clip's length. Columns that only ``by`` names are kept as they are.

    Raises
    ------
    TypeError
        The table is no DataFrame.
    ValueError
        A column is missing or cannot be read, or a key occurs twice.
    """
    check_table(frame, (*_NEEDED, *by))
    keys = frame["key"] if "key" in frame.columns else frame.index.to_series()
    rows = pd.DataFrame(index=pd.Index(_text(keys), name="key"))
    for names, read in ((_TEXTS, _text), (_NUMBERS, _number), (_FLAGS, _flag), (("created_at",), _time)):
        for name in names:
            given = (
                frame[name] if name in frame.columns else pd.Series(pd.NA, index=frame.index, dtype="object")
            )
            try:
                rows[name] = read(given).array
            except (ValueError, TypeError) as error:
                raise ValueError(f"column {name}: {error}") from error
    for name in by:
        if name not in rows.columns:
            rows[name] = frame[name].array
    named = rows.index[rows.index.notna()]
    twice = named[named.duplicated()]
    if len(twice):
        raise ValueError(
            f"{len(twice)} keys occur more than once, {twice[0]} among them: its money would be counted twice"
        )
    rows["seconds"] = rows["duration"].where(rows["duration"] > 0)
    rows["seconds"] = rows["seconds"].fillna(rows["frames"] / catalog.frames_per_second())
    return rows


def check_table(frame: Any, needed: Iterable[str], *, like: str = "studio.log.to_pandas()") -> None:
    """Refuse what is no table, or lacks columns.

    Raises
    ------
    TypeError
        The table is no DataFrame.
    ValueError
        The table lacks some of the columns that are needed.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"a DataFrame is wanted, as from {like} or pd.read_csv(...), not {type(frame).__name__}"
        )
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise ValueError(f"the table lacks the columns {', '.join(missing)}: give one in the shape of {like}")


def of_one_kind(rows: pd.DataFrame, *, simulated: bool | None) -> tuple[pd.DataFrame, bool, str | None]:
    """Only the real rows, or only the simulated ones: their dollars do not add up.

    Returns
    -------
    rows
        Of the kind asked for; by default of the kind that is present, of the real ones if both are.
    simulated
        Which kind that is. A row that does not say is real.
    note
        What was left out, None if nothing was.
    """
    played = rows["simulated"].fillna(value=False).astype(bool)
    if simulated is None:
        simulated = len(rows) > 0 and bool(played.all())
    left_out = int((played != simulated).sum())
    if not left_out:
        return rows, simulated, None
    kind, other = ("simulated", "real") if simulated else ("real", "simulated")
    note = f"{kind} rows only; {left_out:,} {other} ones are left out"
    return rows[played == simulated], simulated, note


def _text(values: pd.Series) -> pd.Series:
    if is_numeric_dtype(values.dtype) and not is_bool_dtype(values.dtype):
        values = values.convert_dtypes()  # 7.0 and 7 name the same task
    texts = values.astype("string")
    return texts.mask(texts.isin(_ABSENT))


def _number(values: pd.Series) -> pd.Series:
    if not is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values.mask(values.isin(_ABSENT)))
    return pd.Series(values.to_numpy(dtype="float64", na_value=float("nan")))


def _flag(values: pd.Series) -> pd.Series:
    if is_bool_dtype(values.dtype):
        return values.astype("boolean")
    texts = _text(values).str.lower()
    unread = texts[texts.notna() & ~texts.isin(_SPELLED)]
    if len(unread):
        raise ValueError(f"{unread.iloc[0]!r} is neither true nor false")
    return texts.map(_SPELLED).astype("boolean")


def _time(values: pd.Series) -> pd.Series:
    if is_datetime64_any_dtype(values.dtype):
        return pd.to_datetime(values, utc=True)
    return pd.to_datetime(_text(values).astype("object"), utc=True, format="ISO8601")


def label_of(names: Sequence[Any], values: Any) -> str:
    """A group in words, with the model's short name: ``seedance-1-5-pro 1080p sound``."""
    values = values if isinstance(values, tuple) else (values,)
    words = [_group_word(name, value) for name, value in zip(names, values, strict=True)]
    return " ".join(filter(None, words))


def _group_word(name: str | None, value: Any) -> str:
    if is_absent(value):
        return "" if name in {"generate_audio", "service_tier"} else f"(no {name} yet)"
    if name == "generate_audio":
        return "sound" if value else "silent"
    if name == "service_tier":
        return "" if value == "default" else str(value)
    return value_text(name, value)


def value_text(name: str | None, value: Any) -> str:
    """One value of a column in words; a dash for none."""
    if is_absent(value):
        return "–"
    if name == "model":
        return catalog.short_name(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    # a length is a whole number again, whatever a CSV file has made of it
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
