"""What measures a clip, a built-in figure or somebody's own function, in one shape; and one clip's work.

The work runs in a process of its own: a figure that fails, or takes the process with it, stops nothing else.
"""

from __future__ import annotations

import hashlib
import math
import numbers
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - of fields that are read at runtime
from typing import Any, NamedTuple

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.metrics import BUILT_IN, check_names, measure
from seedance_widgets.metrics.definitions import VERSION

__all__ = ["Job", "Measure", "Measured", "measure_clip", "measures_of", "trouble_of", "version_of"]

_SHORT = 12
_LONGEST_TROUBLE = 300


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that measures clips: its name, the version of what it does, and its function.

    ``function`` is None for one that is built in.
    """

    name: str
    version: str
    function: Callable[[Path], Any] | None = None


class Job(NamedTuple):
    """One clip, and what is to be measured of it."""

    path: Path
    first_frame: Path | None
    measures: tuple[Measure, ...]


class Measured(NamedTuple):
    """A figure that was found, or why it could not be; its ``of`` is the name of what measured it."""

    of: str
    name: str
    value: float | None
    trouble: str | None


def measures_of(given: Any) -> list[Measure]:
    """What a person wants measured: names, functions of a path, or a dict of names to functions.

    Raises
    ------
    InvalidRequest
        A name is of no figure, something is no function, or two have one name.
    """
    measures, problems = [], []
    for name, each in _named(given):
        if isinstance(each, str):
            measures += [Measure(known, VERSION) for known in check_names(each)]
        elif callable(each) and isinstance(name, str) and name.isidentifier() and name not in BUILT_IN:
            measures.append(Measure(name, version_of(each), each))
        else:
            reason = (
                'is no function with a name of its own: give {"my_figure": function}'
                if callable(each)
                else "is no name of a figure and no function of a path"
            )
            problems.append(Problem("metrics", name or f"<{type(each).__name__}>", reason))
    names = [measure.name for measure in measures]
    problems += [
        Problem("metrics", name, "is the name of two functions")
        for name in dict.fromkeys(names)
        if len({measure.version for measure in measures if measure.name == name}) > 1
    ]
    if problems:
        raise InvalidRequest(problems, refused="nothing was measured")
    return list({measure.name: measure for measure in measures}.values())


def _named(given: Any) -> Iterable[tuple[Any, Any]]:
    if given is None:
        return [(name, name) for name in BUILT_IN]
    if isinstance(given, Mapping):
        return given.items()
    several = [given] if isinstance(given, str) or callable(given) else list(given)
    return [(each if isinstance(each, str) else getattr(each, "__name__", None), each) for each in several]


def version_of(function: Callable[..., Any]) -> str:
    """The version of somebody's function: its own ``version``, or else a hash of its code.

    What it calls is not seen: set ``function.version = "2"`` when that changes.
    """
    told = getattr(function, "version", None)
    if told is not None:
        return str(told)[:64]
    digest = hashlib.sha256()
    _add_code(digest, getattr(getattr(function, "__func__", function), "__code__", None) or function)
    return digest.hexdigest()[:_SHORT]


def _add_code(digest: Any, code: Any) -> None:
    if isinstance(code, types.CodeType):
        digest.update(code.co_code + repr((code.co_names, code.co_varnames)).encode())
        for constant in code.co_consts:
            _add_code(digest, constant)
    elif isinstance(code, str | bytes | int | float | complex | tuple | frozenset | None | bool):
        digest.update(repr(code).encode())
    else:
        kind = code if isinstance(code, type) else type(code)
        digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())


def measure_clip(job: Job) -> list[Measured]:
    """Measure one clip; whatever fails says so in its own figures."""
    found = list[Measured]()
    built_in = [each.name for each in job.measures if each.function is None]
    if built_in:
        found += _built_in(job, built_in)
    for each in job.measures:
        if each.function is not None:
            try:
                found += _own(each.name, each.function(job.path))
            except Exception as error:  # noqa: BLE001 - somebody's own function may raise anything
                found.append(Measured(each.name, each.name, None, trouble_of(error)))
    return found


def _built_in(job: Job, names: list[str]) -> list[Measured]:
    try:
        figures = measure(job.path, names, first_frame=job.first_frame)
    except Exception as error:  # noqa: BLE001 - a damaged clip may make a decoder raise anything
        if len(names) == 1:
            return [Measured(names[0], names[0], None, trouble_of(error))]
        # one by one: what one of them needs may be whole
        return [measured for name in names for measured in _built_in(job, [name])]
    return [Measured(name, name, value, None) for name, value in figures.items()]


def _own(name: str, result: Any) -> list[Measured]:
    """A function's result as figures: a number is one, a dict has several, each after the function's name."""
    if isinstance(result, Mapping):
        several = [_figure(name, f"{name}.{key}", value) for key, value in result.items()]
        return [Measured(name, name, None, None), *several]  # its own name says that it was measured
    return [_figure(name, name, result)]


def _figure(of: str, name: str, value: Any) -> Measured:
    if value is None:
        return Measured(of, name, None, None)
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()  # of an array or a tensor with one number
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return Measured(of, name, float(value), None)
    return Measured(of, name, None, f"it gave {str(value)[:60]!r}, which is no finite number")


def trouble_of(error: BaseException) -> str:
    """An error in a line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:_LONGEST_TROUBLE].rstrip(": ")
