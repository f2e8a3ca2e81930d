"""nest-asyncio, for people's own ``asyncio.run`` in a cell, and only when they ask for it.

Nothing of this package needs it: `run` waits on a loop of its own. The library is archived, patches
asyncio for the whole process, and on ipykernel 7 widget clicks made while a patched loop is nested are
lost; so importing this package patches nothing, and asking for it there warns.
"""

from __future__ import annotations

import sys
import warnings

__all__ = ["allow_nested_loops"]

_HAZARD_FROM = 7


def allow_nested_loops() -> None:
    """Let ``asyncio.run`` work in a cell, by patching asyncio with nest-asyncio for this process."""
    import nest_asyncio

    kernel = sys.modules.get("ipykernel")
    if kernel is not None and int(kernel.__version__.partition(".")[0]) >= _HAZARD_FROM:
        warnings.warn(
            f"ipykernel {kernel.__version__}: while a nested loop runs, widget clicks are lost. "
            "Top-level await and seedance_widgets.run() need no nested loop.",
            RuntimeWarning,
            stacklevel=2,
        )
    nest_asyncio.apply()
