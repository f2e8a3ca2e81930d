"""Whether the page can have a file: a Jupyter server gives out its own folder, and nothing hidden in it."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

__all__ = ["why_out_of_reach"]


def why_out_of_reach(path: Path) -> str | None:
    """Why the Jupyter server does not give a file to the page, in words; None where it does, or nobody knows.

    Parameters
    ----------
    path
        Absolute.
    """
    root = _served_folder(os.environ.get("JPY_PARENT_PID", ""))
    if root is None:
        return None
    if not path.is_relative_to(root):
        return f"it is outside {root}, the folder that the Jupyter server gives out"
    hidden = next((part for part in path.relative_to(root).parts if part.startswith(".")), None)
    return hidden and f"it is in {hidden}, a hidden folder, which the Jupyter server does not give out"


@functools.cache
def _served_folder(pid: str) -> Path | None:
    """The folder of the server that started this kernel, by what it has written down of itself."""
    if not pid.isdecimal():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        told = json.loads((Path(jupyter_runtime_dir()) / f"jpserver-{pid}.json").read_text("utf-8"))
        return Path(told["root_dir"]).resolve()
    except (ImportError, OSError, ValueError, KeyError, TypeError):
        return None  # another front end, such as an editor's
