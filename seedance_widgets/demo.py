"""The demo: the quickstart notebook on the embedded simulator, in JupyterLab or without a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.terminal import say
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["demo"]

_DEMO = "seedance-demo"
_QUICKSTART = "01_quickstart.ipynb"


def demo(jupyter: Sequence[str] = (), *, headless: bool = False) -> int:
    """Copy the notebooks into a new folder here, and open the first one in JupyterLab.

    Parameters
    ----------
    jupyter
        Further arguments for JupyterLab.
    headless
        Run it here instead, without a browser, and print its tasks.

    Returns
    -------
    int
        The exit status.
    """
    if not headless and shutil.which("jupyter-lab", path=_scripts()) is None:
        say('JupyterLab is not installed here: pip install "seedance-widgets[lab]"', error=True)
        return 1
    folder = _fresh_folder()
    for notebook in sorted(_notebooks().glob("*.ipynb")):
        shutil.copy(notebook, folder)
    if headless:
        return _run_headless(folder)
    say(f"Opening JupyterLab in {folder} on the simulator: no key, no network, nothing is billed.")
    command = [sys.executable, "-m", "jupyterlab", _QUICKSTART, *jupyter]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if os.name == "posix":
        # This process becomes Lab, so that Ctrl-C and signals reach the right one.
        os.chdir(folder)
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603 - our own interpreter


def _run_headless(folder: Path) -> int:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from seedance_widgets.log import Log
    from seedance_widgets.log.store import Store

    path = folder / _QUICKSTART
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    done = 0

    def announce_cell(cell: Any, **_: Any) -> None:
        nonlocal done
        if cell.cell_type == "code":
            done += 1
            first = next(iter(cell.source.splitlines()), "")
            say(f"cell {done} of {cells}: {first[:70]}", error=True)

    client = NotebookClient(
        notebook,
        timeout=600,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=announce_cell,
        # this interpreter's own kernel, whichever one is registered as python3 elsewhere
        kernel_name="python3",
    )
    status = 0
    try:
        client.execute()
    except CellExecutionError as error:
        say(str(error), error=True)
        status = 1
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    home = folder / "runs"
    if (home / "log.sqlite").exists():
        _print_tasks(Log(Store(home / "log.sqlite"), home).to_pandas())
    say(str(path))
    return status


def _print_tasks(tasks: Any) -> None:
    for task in tasks.reset_index().astype(object).where(lambda cells: cells.notna(), None).itertuples():
        size = f"{task.width}x{task.height}" if task.width else "-"
        usd = "-" if task.usd is None else usd_text(task.usd)
        said = (task.key, task.status, size, task.tokens or "-", usd, task.video_path or "-")
        say(" ".join(map(str, said)))


def _fresh_folder() -> Path:
    """A new folder here: what an earlier demo made is never touched."""
    number = 1
    while True:
        folder = Path(_DEMO if number == 1 else f"{_DEMO}-{number}").resolve()
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _notebooks() -> Path:
    """Inside the package where a wheel is installed, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"


def _scripts() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
