"""How the package is built, in figures: what a stranger meets, ties between rooms, names, copies, lines.

    python tests/benchmarks/house.py [--of DIR ...] [--names]

DIR is a checkout, this one if none is given; with several there is a column each, as for before and after. The
rules are small and the same for each, so that figures can be compared; ``--names`` lists what was found, since a rule by
pattern is wrong now and then. One measure runs something: how many of the package's modules a prompt enters, between
``submit`` and the service's acceptance, and until its clip is saved, is seen by ``sys.setprofile`` and
``threading.setprofile``, with the simulator in another process.
"""

# ruff: noqa: E402 - the folder of the tests' own helpers must be on the path first

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import source_measures as source

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import import_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PACKAGE = "seedance_widgets"
# a room names another that stands above it, on purpose; tests/test_house.py says what for
DOORS = {("errors", "task"), ("log", "task"), ("log", "drafts"), ("log", "economics"), ("studio", "study")}
RUNS = 3
SERVE = "from seedance_widgets.cli import main; main(['simulate', '--speed', '20'])"
ENTER = """
import asyncio, json, os, sys, threading, warnings

inside = os.path.join(os.path.dirname(sys.argv[1]), "seedance_widgets") + os.sep
entered, watching = set(), False

def seen(frame, event, _):
    # what runs at an import, of a module and of a class, makes no new locals
    if watching and event == "call" and frame.f_code.co_flags & 1:
        if frame.f_code.co_filename.startswith(inside):
            entered.add(frame.f_code.co_filename[len(inside):])

threading.setprofile(seen)
sys.setprofile(seen)
warnings.simplefilter("ignore")
import seedance_widgets as sw

async def main():
    global watching
    studio = sw.Studio(sys.argv[3], api_key="a-key", base_url=sys.argv[2])
    watching = True
    task = await studio.submit("A kitten yawns")
    accepted = sorted(entered)
    await task
    watching = False
    assert task.video_path is not None
    print(json.dumps([accepted, sorted(entered)]))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Measure:
    """One row: what is counted, what is found by its rule, and the most that may be."""

    what: str
    find: Callable[[Checkout], Sequence[str]]
    target: str = ""


@dataclass(frozen=True)
class Checkout:
    """One version of the package on this disk."""

    folder: Path

    @property
    def package(self) -> Path:
        return self.folder / PACKAGE

    @functools.cached_property
    def files(self) -> list[source.File]:
        return source.read(self.package)

    @functools.cached_property
    def imports(self) -> set[import_graph.Import]:
        return import_graph.imports(self.package)

    @functools.cached_property
    def entered(self) -> tuple[list[str], list[str]]:
        """Modules entered until accepted, and until saved: of each the fewest of some runs.

        Where following a task begins while its submission ends, it depends on the machine what comes first.
        """
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "env": environment}
        serve, enter = ([sys.executable, "-P", "-c", code] for code in (SERVE, ENTER))
        with tempfile.TemporaryDirectory() as home, subprocess.Popen(serve, **options) as server:
            assert server.stdout is not None
            url, found = server.stdout.readline().strip(), []
            try:
                for number in range(RUNS):
                    arguments = [f"{self.folder}/.", url, f"{home}/{number}"]
                    done = subprocess.run([*enter, *arguments], check=True, **options)
                    found.append(json.loads(done.stdout))
            finally:
                server.terminate()
        accepted, saved = (min(each, key=len) for each in zip(*found, strict=True))
        return accepted, saved


def top_modules(checkout: Checkout) -> list[str]:
    """Modules at the top of the package, ``__init__`` among them."""
    return sorted(path.name for path in checkout.package.glob("*.py"))


def top_folders(checkout: Checkout) -> list[str]:
    """Folders at the top of the package."""
    return sorted(path.parent.name for path in checkout.package.glob("*/__init__.py"))


def without_doors(checkout: Checkout) -> set[import_graph.Import]:
    """Imports but those through a named door."""
    return {edge for edge in checkout.imports if tuple(map(import_graph.room, edge)) not in DOORS}


def in_circles(checkout: Checkout) -> list[str]:
    """Modules that import each other, directly or by way of others."""
    return [name for group in import_graph.circles(without_doors(checkout)) for name in group]


def upward(checkout: Checkout) -> list[str]:
    """Imports against the order of the rooms, of a version that has these rooms."""
    return [" imports ".join(edge) for edge in sorted(import_graph.upward(without_doors(checkout)))]


def in_files(rule: Callable[[source.File], Iterator[str]]) -> Callable[[Checkout], list[str]]:
    """What a rule finds in all modules."""
    return lambda checkout: [found for file in checkout.files for found in rule(file)]


MEASURES = (
    Measure("modules at the top of the package", top_modules, "14"),
    Measure("folders at the top of the package", top_folders, "18"),
    Measure("modules in circles of imports", in_circles, "0"),
    Measure("imports against the order of rooms", upward, "0"),
    Measure("modules entered from submit until accepted", lambda of: of.entered[0], "24"),
    Measure("modules entered from submit until saved", lambda of: of.entered[1], "28"),
    Measure("rows of tasks annotated as dict[str, Any]", in_files(source.bare_rows), "0"),
    Measure('row["..."]', in_files(source.row_lookups)),
    Measure("sets of statuses written by hand", in_files(source.status_sets), "0"),
    Measure("parameters annotated as Callable", in_files(source.callbacks)),
    Measure("noqa: SLF001 on our own names", in_files(source.own_privates), "0"),
    Measure("except or suppress Exception, nothing logged", in_files(source.silent), "0"),
    *(
        Measure(f"copies: {what}", functools.partial(source.copies, rule=rule), "0")
        for what, rule in source.COPIED.items()
    ),
    Measure("copies: JavaScript helpers", lambda of: source.javascript_copies(of.package), "0"),
    Measure("modules over 400 lines", in_files(source.long)),
)


def shares(checkout: Checkout) -> tuple[str, list[str]]:
    """Functions named by a participle, as a share of all, and their names."""
    functions = [found for file in checkout.files for found in source.functions(file)]
    named = [found for file in checkout.files for found in source.participles(file)]
    return f"{len(named)} of {len(functions)}: {len(named) / len(functions):.1%}", named


def lines(checkout: Checkout) -> dict[str, int]:
    """Lines of each kind."""
    return {
        "lines of Python": source.lines(checkout.package, "*.py"),
        "lines of JavaScript": source.lines(checkout.package, "*.js"),
        "  of these lines the painter's": source.lines(checkout.package / "simulator", "picture*"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--of", type=Path, action="append", metavar="DIR", help="a checkout to measure")
    parser.add_argument("--names", action="store_true", help="list what was found in the last checkout")
    args = parser.parse_args()
    checkouts = [Checkout(folder.resolve()) for folder in args.of or [Path(__file__).parents[2]]]
    table: list[tuple[str, ...]] = [("", *(checkout.folder.name for checkout in checkouts), "target")]
    names: list[tuple[str, list[str]]] = []
    for measure in MEASURES:
        found = [list(measure.find(checkout)) for checkout in checkouts]
        table.append((measure.what, *(f"{len(each):,}" for each in found), measure.target))
        names.append((measure.what, found[-1]))
    figures, last = zip(*map(shares, checkouts), strict=True)
    table.append(("functions named by a participle", *figures, "under 3%"))
    names.append(("functions named by a participle", last[-1]))
    counted = [lines(checkout) for checkout in checkouts]
    table += [(what, *(f"{each[what]:,}" for each in counted), "") for what in counted[0]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    for what, found in names if args.names else ():
        print(f"\n{what}")
        print(*(f"  {name}" for name in found), sep="\n")


if __name__ == "__main__":
    main()
