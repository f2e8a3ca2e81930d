"""Which module of the package imports which, and whether that runs one way through the rooms.

Read from the source: imports inside functions and those for annotations alone count like all others. A room is a
folder or a module at the top of the package. ``__init__`` of the package itself, written "", imports what all rooms
make public; of it only the version is taken.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

# each line may import what stands above it; rooms of one line may import each other one way
ROOMS = (
    (
        "errors",
        "units",
        "terminal",
        "background_loop",
        "nested_loops",
        "callsite",
        "live_output",
        "unawaited",
    ),
    ("catalog",),
    ("inputs",),
    ("request",),
    ("modelark", "media", "metrics", "simulator"),
    ("log",),
    ("task",),
    ("recovery", "sending"),
    ("following",),
    ("runtime",),
    ("stories", "drafts"),
    ("studio",),
    ("study", "batch"),
    ("widgets",),
    ("magics", "cli", "demo", ""),
)


class Import(NamedTuple):
    """One module imports another; dotted names below the package, of which "" is the package itself."""

    importer: str
    imported: str


def modules(package: Path) -> dict[str, Path]:
    """The files of all modules by their dotted names below the package."""
    return {_dotted(path.relative_to(package)): path for path in sorted(package.rglob("*.py"))}


def _dotted(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


def imports(package: Path) -> set[Import]:
    """All imports of the package's modules by each other."""
    known = modules(package)
    return {
        Import(importer, imported)
        for importer, path in known.items()
        for imported in _imported(ast.parse(path.read_text(encoding="utf-8")), package.name, known)
        if imported != importer
    }


def _imported(tree: ast.Module, package: str, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the package"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            # a name is a module of its own or stands in the one it is taken from
            names = [name if _below(name, package) in known else str(node.module) for name in whole]
        else:
            continue
        yield from (below for name in names if (below := _below(name, package)) is not None)


def _below(name: str, package: str) -> str | None:
    return name.removeprefix(package).removeprefix(".") if f"{name}.".startswith(f"{package}.") else None


def circles(edges: Iterable[Import]) -> list[list[str]]:
    """Modules that import each other, directly or by way of others, each group sorted."""
    after: dict[str, set[str]] = {}
    for importer, imported in edges:
        after.setdefault(importer, set()).add(imported)
    reached = {name: _reached(name, after) for name in after}
    groups = {
        tuple(sorted({name, *(other for other in names if name in reached.get(other, ()))}))
        for name, names in reached.items()
        if name in names
    }
    return [list(group) for group in sorted(groups)]


def _reached(start: str, after: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        waiting += (new := after.get(waiting.pop(), set()) - reached)
        reached |= new
    return reached


def upward(edges: Iterable[Import]) -> set[Import]:
    """Imports of a room by one that stands before it, or that no line names."""
    rank = {room: number for number, line in enumerate(ROOMS) for room in line}
    across = {edge for edge in edges if room(edge.importer) != room(edge.imported) and edge.importer}
    wrong = {edge for edge in across if not {room(end) for end in edge} <= rank.keys()}
    wrong |= {edge for edge in across - wrong if rank[room(edge.importer)] < rank[room(edge.imported)]}
    between = {Import(room(edge.importer), room(edge.imported)) for edge in across - wrong}
    both = {name for group in circles(between) for name in group}
    return wrong | {edge for edge in across - wrong if {room(end) for end in edge} <= both}


def room(module: str) -> str:
    """The room that a module stands in."""
    return module.split(".", maxsplit=1)[0]
