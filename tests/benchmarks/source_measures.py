"""What `house` counts in the source of a package, rule by rule. A finding is ``module:line`` and what stands there."""

from __future__ import annotations

import ast
import difflib
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATUSES = {
    "intent", "queued", "running", "succeeded", "failed", "cancelled", "expired", "unknown", "not_created",
    "rejected", "withdrawn",
}  # fmt: skip
# columns that rows of tasks have, and rows of votes and of figures do not
TASK_COLUMNS = {
    "key", "task_id", "status", "kind", "prompt", "resolution", "requested_seed", "service_tier", "tokens",
    "est_usd", "reserved_usd", "file", "video_path", "poster_path", "preview_path", "created_at", "finished_at",
    "intent_at", "parent_key", "simulated", "wire_model", "revision",
}  # fmt: skip
LONG = 400
# how alike the beginnings of two JavaScript functions of one name are, for one to be a copy
ALIKE, COMPARED = 0.6, 160
# past participles that do not end in -ed, and are no plain verb or noun too (as put, read, set, cost are)
IRREGULAR = {
    "begun", "bought", "broken", "brought", "built", "chosen", "done", "drawn", "driven", "fallen", "felt", "found",
    "forgotten", "frozen", "given", "gone", "heard", "held", "hidden", "kept", "known", "laid", "left", "lent", "lost",
    "made", "meant", "met", "paid", "said", "seen", "sent", "shown", "sold", "spent", "spoken", "sworn", "taken",
    "taught", "thought", "thrown", "told", "understood", "unseen", "unsent", "woken", "won", "worn", "written",
}  # fmt: skip
# words in -ed that are none
NO_PARTICIPLES = {"embed", "exceed", "feed", "need", "proceed", "seed", "speed", "succeed"}
# the journal's events, and names of the public contract
ALLOWED = {
    "abandoned", "accepted", "adopted", "filed", "matched", "observed", "rejected", "troubled",
    "created_at", "left", "reserved", "spent", "starred",
}  # fmt: skip


@dataclass(frozen=True)
class File:
    """One module: its path below the package, its text, and that as a tree."""

    name: str
    text: str
    tree: ast.Module

    def at(self, node: Any, what: str) -> str:
        return f"{self.name}:{node.lineno} {what}"


def read(package: Path) -> list[File]:
    """All Python modules of a package."""
    texts = {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }
    return [File(name, text, ast.parse(text)) for name, text in texts.items()]


def lines(folder: Path, pattern: str) -> int:
    """How many lines all files of a pattern have, of folders of that name too."""
    found = {path for path in folder.rglob(pattern) if path.is_file()}
    found |= {path for each in folder.rglob(pattern) if each.is_dir() for path in each.rglob("*.py")}
    return sum(path.read_text(encoding="utf-8").count("\n") for path in found)


def long(file: File) -> Iterator[str]:
    """Modules that are long."""
    if (count := file.text.count("\n")) > LONG:
        yield f"{file.name} {count}"


# --- names ------------------------------------------------------------------------------------------------


def functions(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions but those whose names Python gives."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("__"):
            yield node


def participles(file: File) -> Iterator[str]:
    """Functions whose first word is a past participle."""
    for node in functions(file):
        name = node.name.lstrip("_")
        first = name.partition("_")[0]
        if (first in IRREGULAR or (first.endswith("ed") and first not in NO_PARTICIPLES)) and (
            name not in ALLOWED
        ):
            yield file.at(node, node.name)


def own_privates(file: File) -> Iterator[str]:
    """Lines that reach for a private name of ours with the linter's leave."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if re.search(r"noqa: .*SLF001", line) and not re.search(r"\b(sys|threading)\._", line):
            yield f"{file.name}:{number} {line.strip()[:80]}"


def callbacks(file: File) -> Iterator[str]:
    """Parameters that are called by whoever takes them."""
    for node in functions_and_lambdas(file):
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if argument.annotation is not None and "Callable" in ast.unparse(argument.annotation):
                yield file.at(argument, argument.arg)


def functions_and_lambdas(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# --- rows -------------------------------------------------------------------------------------------------


def bare_rows(file: File) -> Iterator[str]:
    """Rows of tasks that are annotated as mappings of anything, by that or by a name given to it."""
    anything = r"\b([Dd]ict|Mapping|MutableMapping)\[str, Any\]"
    aliases = [
        node.targets[0].id
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and re.fullmatch(anything, ast.unparse(node.value).strip("'\""))
    ]
    bare = re.compile("|".join([anything, *(rf"\b{alias}\b" for alias in aliases)]))
    inner = {id(each): function for function in functions_and_lambdas(file) for each in ast.walk(function)}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.arg):
            name, annotation = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            name, annotation = ast.unparse(node.target), node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, annotation = node.name, node.returns
        else:
            continue
        if annotation is None or not re.search(r"(^|[_.])rows?$", name):
            continue
        if bare.search(ast.unparse(annotation)) and _may_be_of_a_task(file, inner.get(id(node), file.tree)):
            yield file.at(node, f"{name}: {ast.unparse(annotation)}")


def _may_be_of_a_task(file: File, scope: ast.AST) -> bool:
    """By the columns that are looked up in a row there; without any, by the module."""
    columns = set(re.findall(r"\brow\['(\w+)'\]", ast.unparse(scope)))
    if columns:
        return bool(columns & TASK_COLUMNS)
    return not file.name.startswith(("study/", "drafts/fidelity", "fidelity"))


def row_lookups(file: File) -> Iterator[str]:
    """A row's columns by strings."""
    for number, line in enumerate(file.text.splitlines(), 1):
        for found in re.findall(r'\brow\["\w+"\]|\brow\["', line):
            yield f"{file.name}:{number} {found}"


def status_sets(file: File) -> Iterator[str]:
    """Two or more statuses in a literal, but where groups are defined, and in the service's own words."""
    if file.name == "log/row.py" or file.name.startswith("simulator/"):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            names = [_status(each) for each in node.elts]
            if len(names) > 1 and all(names):
                yield file.at(node, ast.unparse(node))


def _status(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and node.value in STATUSES:
        return str(node.value)
    return node.attr if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Status" else None


# --- silence ----------------------------------------------------------------------------------------------


def silent(file: File) -> Iterator[str]:
    """Where any exception is caught and neither raised, kept nor logged."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            body = ast.unparse(ast.Module(node.body, []))
            if re.search(r"^$|\b(Base)?Exception\b", caught) and not re.search(
                r"\braise\b|\blog(ger)?\.", body
            ):
                yield file.at(node, f"except {caught}")
        elif isinstance(node, ast.Call) and re.fullmatch(
            r"(contextlib\.)?suppress\((Base)?Exception\)", ast.unparse(node)
        ):
            yield file.at(node, ast.unparse(node))


# --- copies -----------------------------------------------------------------------------------------------


def copies(checkout: Any, *, rule: Callable[[ast.AST], bool]) -> list[str]:
    """Places where a small idea is written out, beyond the first."""
    found = [
        (file.name, file.at(node, ast.unparse(node).partition("\n")[0][:90]))
        for file in checkout.files
        for node in ast.walk(file.tree)
        if rule(node)
    ]
    # the module that holds it for all may be as long as it likes
    homes = [name for name, _ in found if name in {"units.py", "live_output.py"}] or [
        name for name, _ in found[:1]
    ]
    return [where for name, where in found if name != homes[0]] if found else []


def _is_million(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value == 1_000_000
        and re.search(r"SECOND", ast.unparse(node.targets[0])) is not None
    )


def _is_moment(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and re.search(r"fromtimestamp\(.* / ", ast.unparse(node).partition("\n")[0]) is not None
        and ast.unparse(node.func).endswith("fromtimestamp")
    )


def _pairs(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    return list(zip(node.values, node.values[1:], strict=False)) if isinstance(node, ast.JoinedStr) else []


def _is_text(node: ast.expr, pattern: str) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(pattern, node.value) is not None
    )


def _is_money(node: ast.AST) -> bool:
    return any(
        (_is_text(before, r"\$$") and isinstance(after, ast.FormattedValue))
        or (
            isinstance(before, ast.FormattedValue)
            and before.format_spec is not None
            and _is_text(after, r"^ USD")
        )
        for before, after in _pairs(node)
    )


def _is_bytes(node: ast.AST) -> bool:
    return any(
        isinstance(before, ast.FormattedValue) and _is_text(after, r"^ ?([kMG]i?B)\b")
        for before, after in _pairs(node)
    )


def _is_counted(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _is_s(node.left)
    if isinstance(node, ast.IfExp) and re.search(r"[!=]= 1$|> 1$", ast.unparse(node.test)):
        ends = (node.body, node.orelse)
        return any(_is_s(each) for each in ends) or any(
            isinstance(each, ast.JoinedStr) and each.values and _is_text(each.values[-1], r"^s\b")
            for each in ends
        )
    return False


def _is_s(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == "s"


def _is_called(node: ast.AST, pattern: str) -> bool:
    return isinstance(node, ast.Call) and re.search(pattern, ast.unparse(node)) is not None


def _is_playable(node: ast.AST) -> bool:
    if not isinstance(node, ast.Tuple | ast.List | ast.Set):
        return False
    return {"h264", "vp9"} <= {each.value for each in node.elts if isinstance(each, ast.Constant)}


def _defines(node: ast.AST, pattern: str) -> bool:
    return isinstance(node, ast.FunctionDef) and re.search(pattern, node.name) is not None


COPIED: dict[str, Callable[[ast.AST], bool]] = {
    "microseconds": lambda node: _is_million(node) or _is_moment(node),
    "money as text": _is_money,
    "bytes as text": _is_bytes,
    "counted words": _is_counted,
    "live output by display id": functools.partial(_is_called, pattern=r"^display\(.*display_id=True"),
    "JPEG shrinking": functools.partial(_is_called, pattern=r"^\w+\.save\(\w+, 'JPEG'"),
    "playable codecs": _is_playable,
    "Wilson's interval": functools.partial(_defines, pattern="wilson"),
    "is absent": functools.partial(_defines, pattern=r"absent$"),
    "relative paths": functools.partial(_is_called, pattern=r"^(os\.path\.)?relpath\("),
}


def javascript_copies(package: Path) -> list[str]:
    """Functions of one name that begin alike in several of the widgets' modules, beyond the first."""
    seen: dict[str, list[str]] = {}
    copied = []
    define = re.compile(r"\bfunction (\w+)\(|\bconst (\w+) = (?:async )?(?=\(|\w+ =>)")
    for path in sorted((package / "widgets").glob("*.js")):
        text = path.read_text(encoding="utf-8")
        own: dict[str, str] = {}
        for found in define.finditer(text):
            name = found[1] or found[2]
            own.setdefault(name, re.sub(r"\s+", " ", text[found.end() :])[:COMPARED])
        for name, begins in own.items():
            others = seen.setdefault(name, [])
            if any(difflib.SequenceMatcher(None, begins, other).ratio() >= ALIKE for other in others):
                copied.append(f"{path.name} {name}")
            others.append(begins)
    return copied
