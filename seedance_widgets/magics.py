"""IPython magics: ``%%seedance`` sends a cell as a prompt, ``%seedance`` shows log and board and resumes.

``%load_ext seedance_widgets`` brings them in. They are thin: options are the arguments of `TaskRequest` with
dashes, and everything goes to the studio that the notebook calls ``studio``.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
from string import Template
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from seedance_widgets import catalog
from seedance_widgets.background_loop import run
from seedance_widgets.errors import SeedanceError
from seedance_widgets.request.fields import FIELDS, Kind
from seedance_widgets.request.legacy_flags import LEGACY_FLAGS
from seedance_widgets.studio import Studio
from seedance_widgets.task.card import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from seedance_widgets.task.task import Task

__all__ = ["SeedanceMagics", "complete"]

_OPTIONS = {name.replace("_", "-"): row for name, row in FIELDS.items()}
del _OPTIONS["prompt"], _OPTIONS["extra"]
_ARGUMENTS: dict[Kind, dict[str, Any]] = {
    Kind.PICTURES: {"nargs": "+", "metavar": "PICTURE"},
    Kind.VIDEOS: {"nargs": "+", "metavar": "CLIP"},
    Kind.AUDIOS: {"nargs": "+", "metavar": "SOUND"},
    Kind.NUMBER: {"type": int},
    Kind.FLAG: {"action": argparse.BooleanOptionalAction, "default": None},
}
_ACTIONS = ("log", "board", "resume")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%seedance: {message}\n{self.format_usage()}")


def _parser() -> _Parser:
    parser = _Parser(prog="%%seedance", add_help=False, allow_abbrev=False)
    for name, row in _OPTIONS.items():
        parser.add_argument(f"--{name}", **_ARGUMENTS.get(row.kind, {}))
    parser.add_argument("--legacy-flags", choices=LEGACY_FLAGS, help="what becomes of --flags in the cell")
    parser.add_argument("--studio", default="studio", help="name of the studio's variable")
    parser.add_argument("--out", metavar="NAME", help="variable that takes the task")
    parser.add_argument("--wait", action="store_true", help="block until the clip is done")
    return parser


@magics_class
class SeedanceMagics(Magics):
    """``%%seedance`` and ``%seedance``."""

    @line_cell_magic
    def seedance(self, line: str, cell: str | None = None) -> Any:
        """Send a cell as a prompt, or ``%seedance log | board | resume``.

        Examples
        --------
        ::

            %%seedance --model seedance-1-0-pro --ratio 16:9 --seed 11
            A $animal yawns at the camera
        """
        if cell is None:
            return self._act(line)
        options = vars(_parser().parse_args(_split(line)))
        studio = self._studio(options.pop("studio"))
        out, wait = options.pop("out"), options.pop("wait")
        params = {name: value for name, value in options.items() if value is not None}
        # An unknown $name stays as typed: a prompt may speak of dollars.
        prompt = Template(cell.strip()).safe_substitute(self._texts())
        try:
            task: Task = run(studio.submit(prompt, **params))
        except SeedanceError as error:
            raise UsageError(str(error)) from None
        if out:
            self._names[out] = task
        if out or wait:
            task.show()
        if wait:
            with _without_traceback():
                run(task)
        return None if out else task

    def _act(self, line: str) -> Any:
        words = _split(line)
        if not words or words[0] not in _ACTIONS:
            raise UsageError(f"%seedance takes {', '.join(_ACTIONS)}; %%seedance sends the cell as a prompt")
        studio = self._studio(words[1] if words[1:] else "studio")
        if words[0] == "log":
            return studio.log.to_pandas()
        if words[0] == "board":
            from seedance_widgets.widgets.board import TaskBoard

            return TaskBoard(studio)
        with _without_traceback():
            return run(studio.resume())

    def _studio(self, name: str) -> Studio:
        found = self._names.get(name)
        if not isinstance(found, Studio):
            raise UsageError(f'there is no studio called {name}: make one with {name} = sw.Studio("runs")')
        return found

    @property
    def _names(self) -> dict[str, Any]:
        shell: Any = self.shell
        names: dict[str, Any] = shell.user_ns
        return names

    def _texts(self) -> dict[str, str]:
        return {
            name: str(value) for name, value in self._names.items() if isinstance(value, str | int | float)
        }


@contextlib.contextmanager
def _without_traceback() -> Iterator[None]:
    """Errors of ours keep their class and stop a run of all cells, but are one line on the page."""
    try:
        yield
    except SeedanceError as error:
        line = f"{type(error).__name__}: {brief(str(error))}"
        # what IPython asks an error for before it draws a traceback
        error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        raise


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line}: {error}") from None


def complete(_: Any, event: Any) -> list[str]:
    """Options, and the values that the catalog knows, for the word under the cursor."""
    words = event.line.split()
    before = words[-2] if words and not event.line.endswith(" ") and len(words) > 1 else (words or [""])[-1]
    values = {
        "--model": [model.name for model in catalog.models()],
        "--ratio": [*catalog.ratios(), catalog.ADAPTIVE],
        "--resolution": sorted({each for model in catalog.models() for each in model.resolutions}),
        "--service-tier": ["default", "flex"],
        "--legacy-flags": list(LEGACY_FLAGS),
        "%seedance": list(_ACTIONS),
    }
    if before in values:
        return values[before]
    no = [f"--no-{name}" for name, row in _OPTIONS.items() if row.kind is Kind.FLAG]
    return sorted([*(f"--{name}" for name in (*_OPTIONS, "legacy-flags", "studio", "out", "wait")), *no])


def load(shell: InteractiveShell) -> None:
    """Bring the magics into a running IPython."""
    shell.register_magics(SeedanceMagics)
    for start in ("%%seedance", "%seedance"):
        shell.set_hook("complete_command", complete, str_key=start)
