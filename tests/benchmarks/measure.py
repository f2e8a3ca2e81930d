"""What the benchmarks share: fresh processes, rounds in turn, medians, and the table.

Whatever is compared is run in turn (A B, B A, A B ...) after one uncounted round. A ratio is taken within
each round and its median is reported, so that a machine that others slow down meanwhile slows both sides; half
of the ratios lie in the range that is printed beside it.
Absolute figures are for this machine at this moment; only ratios are claims. A missed limit is printed, not
raised. Linux only: peak memory is ``VmHWM`` of ``/proc/self/status``, because ``ru_maxrss`` keeps the
parent's peak across exec.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

# whether this run only shows that the benchmark works: few and small things once, figures that say nothing
SMALL = "--small" in sys.argv[1:]

_KIB_PER_MIB = 1024
# compiled as an installed package is, wherever this runs
_COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
# -P keeps the folder of the caller out of the search path: what is installed is measured
_PYTHON = (sys.executable, "-P", "-c")
_FRESH = """
import sys, time
{setup}
_wall, _cpu = time.perf_counter(), time.process_time()
{work}
print(time.perf_counter() - _wall, time.process_time() - _cpu)
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""
# a snippet with neither setup nor clocks, where the whole process is what counts
_WHOLE = """
{work}
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@dataclass(frozen=True)
class Run:
    """One snippet in one fresh process: milliseconds, peak MiB, and the lines it printed."""

    wall: float
    cpu: float
    peak: float
    said: list[str]


def fresh(work: str, *args: object, setup: str) -> Run:
    """Run ``work`` in a new process after ``setup``; times are of ``work`` alone, the peak is of both.

    ``args`` are its ``sys.argv[1:]``.
    """
    *said, clocks, peak = _run(_FRESH.format(setup=setup, work=work), *args)
    wall, cpu = map(float, clocks.split())
    return Run(wall * 1e3, cpu * 1e3, int(peak) / _KIB_PER_MIB, said)


def whole(work: str) -> Run:
    """Run ``work`` in a new process; times are of the process, from its start to its end."""
    wall, cpu = time.perf_counter(), _cpu_of_children()
    *said, peak = _run(_WHOLE.format(work=work))
    return Run(
        (time.perf_counter() - wall) * 1e3, (_cpu_of_children() - cpu) * 1e3, int(peak) / _KIB_PER_MIB, said
    )


def _run(code: str, *args: object) -> list[str]:
    command = (*_PYTHON, code, *map(str, args))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=_COMPILED)
    return done.stdout.splitlines()


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def process(code: str, *args: object) -> Iterator[str]:
    """Keep ``code`` running in a process of its own; gives the first line that it prints."""
    command = (*_PYTHON, code, *map(str, args))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_COMPILED) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def alternate(
    rounds: int, subjects: Mapping[str, Callable[[], T]], *, warm_up: int = 1
) -> dict[str, list[T]]:
    """Call all subjects in each round, every other round in reverse order, after uncounted rounds."""
    results: dict[str, list[T]] = {name: [] for name in subjects}
    for number in range(rounds + warm_up):
        for name in list(subjects)[:: -1 if number % 2 else 1]:
            result = subjects[name]()
            if number >= warm_up:
                results[name].append(result)
    return results


class Table:
    """Rows of medians, printed with their ratios and with the limits they keep or miss."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: list[tuple[str, ...]] = []

    def row(
        self,
        what: str,
        values: Sequence[float],
        unit: str,
        *,
        against: Sequence[float] = (),
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Add a row; a limit is one on the ratio to ``against``, without it on the median itself."""
        median = statistics.median(values)
        ratios = [ours / theirs for ours, theirs in zip(values, against, strict=True)] if against else []
        judged = statistics.median(ratios) if ratios else median
        limit, verdict, met = "", "", True
        if at_most is not None:
            limit, met = f"<= {at_most:g}", judged <= at_most
        elif at_least is not None:
            limit, met = f">= {at_least:g}", judged >= at_least
        if limit and not SMALL:
            verdict = "met" if met else "MISSED"
        self._rows.append((
            what,
            f"{_figure(median)} {unit}".strip(),
            f"{judged:.2f}" if ratios else "",
            "{:.2f}-{:.2f}".format(*_middle_half(ratios)) if ratios else "",
            limit,
            verdict,
        ))  # fmt: skip

    def print(self) -> None:
        """Show the table."""
        head = ("", "median", "ratio", "half within", "limit", "")
        widths = [max(map(len, column)) for column in zip(head, *self._rows, strict=True)]
        print(f"\n{self._title}")
        for cells in (head, *self._rows):
            aligned = [
                cell.ljust(width) if number in {0, 5} else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            print("  " + "  ".join(aligned).rstrip())


def _middle_half(values: Sequence[float]) -> tuple[float, float]:
    """Between which two half of them lie."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _figure(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def rounds(description: str | None, default: int) -> int:
    """The value of ``--rounds``, 1 with ``--small``; prints the circumstances of the run."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=1 if SMALL else default, help="counted rounds (default: %(default)s)"
    )
    parser.add_argument("--small", action="store_true", help="only try that it works, at small counts")
    count: int = parser.parse_args().rounds
    if count < 1:
        parser.error("--rounds is at least 1")
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {load:.1f}, rounds: {count}")
    return count


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder on the disk of the current one; says which file system that is."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=Path.cwd()) as name:
        print(f"files on {_file_system(Path(name))}")
        yield Path(name)


def _file_system(path: Path) -> str:
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            kind = after.split()[0]
            return kind + (", which is memory: run this from a folder on a disk" if kind == "tmpfs" else "")
    return "an unnamed file system"


def column(runs: Sequence[Run], name: str) -> list[Any]:
    """One measured figure of all runs."""
    return [getattr(run, name) for run in runs]
