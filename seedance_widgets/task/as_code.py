"""A logged task as code that asks for the same clip: Python for this package, and curl for everybody else.

No key is in it: both take it from ``ARK_API_KEY``. Pictures and sounds are read from the files that the log
keeps; a clip of a task of the same home is named by its key, which only Python understands.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.diff import body_of
from seedance_widgets.modelark.credentials import DEFAULT_BASE_URL
from seedance_widgets.request.fields import MEDIA, SEVERAL
from seedance_widgets.request.from_body import params_of
from seedance_widgets.request.legacy_flags import SENT, read_flags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.log.row import TaskRow

__all__ = ["Code", "code_of"]

_INPUTS = "inputs/"


class Code(str):
    """Python that asks for the same clip; ``curl`` is a shell command that does. Shown, it is both."""

    __slots__ = ("curl",)

    curl: str

    def __new__(cls, python: str, curl: str) -> Self:
        code = super().__new__(cls, python)
        code.curl = curl
        return code

    def __repr__(self) -> str:
        return f"{self}\n\n# the same in a shell\n{self.curl}"


def code_of(row: TaskRow, home: Path, *, model: str) -> Code:
    """Code for a row of the log.

    Parameters
    ----------
    row
        Of the log.
    home
        Absolute folder that its pictures' paths are relative to.
    model
        As a request names it: an endpoint with its family.

    Raises
    ------
    InvalidRequest
        The task was made elsewhere: nobody knows what was asked.
    """
    if row.body is None:
        raise InvalidRequest(
            [Problem("request", row.key, "made elsewhere: the service does not tell what was asked")]
        )
    body = body_of(row)
    simulated = row.simulated
    warning = "# the task was simulated: this asks a service that bills\n" if simulated else ""
    return Code(_python(body, home, model, simulated=simulated), warning + _curl(body, home))


def _python(body: Mapping[str, Any], home: Path, model: str, *, simulated: bool) -> str:
    params = params_of({**body, "model": model})
    prompt = params.pop("prompt", "")
    if read_flags(prompt):
        params["legacy_flags"] = SENT  # or they would be taken out of it
    for row in MEDIA:
        if given := params.get(row.name):
            several = row.kind in SEVERAL
            params[row.name] = [_local(url, home) for url in given] if several else _local(given, home)
    simulate = ", simulate=True" if simulated else ""
    given = [*([repr(prompt)] if prompt else []), *(f"{name}={value!r}" for name, value in params.items())]
    return "\n".join([
        "import seedance_widgets as sw",
        "",
        f"with sw.Studio({_from_here(home)!r}{simulate}) as studio:",
        "    task = sw.run(",
        "        studio.generate(",
        *(f"            {each}," for each in given),
        "        )",
        "    )",
        "print(task)",
    ])  # fmt: skip


def _curl(body: Mapping[str, Any], home: Path) -> str:
    files: dict[str, str] = {}

    def mark_file(item: dict[str, Any]) -> dict[str, Any]:
        kind = item["type"]
        url = item[kind].get("url", "") if isinstance(item.get(kind), dict) else ""
        if not url.startswith(_INPUTS):
            return item
        mark = f"@{url}@{len(files)}@"
        files[mark] = f"{kind.removesuffix('_url')}/{Path(url).suffix[1:]}"
        return {**item, kind: {"url": mark}}

    content = [mark_file(item) for item in body["content"]]
    rest = json.dumps({**body, "content": content}, ensure_ascii=False, indent=2)
    said = []
    for mark, media_type in files.items():
        before, rest = rest.split(mark, 1)
        said.append(f"  printf '%s' {shlex.quote(f'{before}data:{media_type};base64,')}")
        said.append(f"  base64 < {shlex.quote(_local(mark.split('@')[1], home))} | tr -d '\\n'")
    said.append(f"  printf '%s' {shlex.quote(rest)}")
    return "\n".join([
        "{",
        *said,
        "} | curl -sS --fail-with-body -K /dev/fd/3 \\",
        "  -H 'Content-Type: application/json' --data-binary @- \\",
        f'  "${{ARK_BASE_URL:-{DEFAULT_BASE_URL}}}/contents/generations/tasks" 3<<END',
        # not among the arguments, which every user of the machine can list
        'header = "Authorization: Bearer $ARK_API_KEY"',
        "END",
    ])  # fmt: skip


def _local(url: str, home: Path) -> str:
    return _from_here(home / url) if url.startswith(_INPUTS) else url


def _from_here(path: Path) -> str:
    """Relative where it lies below the working folder, so that the code works where the folder is moved."""
    here = Path(os.path.realpath("."))
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
