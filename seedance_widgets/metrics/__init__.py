"""Figures of a saved clip: how much it moves, how sharp, bright, loud it is, how long it stands still.

`measure` takes one file; `Studio.measure` takes many tasks, in processes of their own, and keeps what it
finds in the log. `table` shows each figure with its definition, unit and source.

>>> from seedance_widgets import metrics
>>> metrics.measure("fox.mp4", ["motion", "brightness"])                        # doctest: +SKIP
{'motion': 0.0121, 'brightness': 0.6602}
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.metrics.definitions import BUILT_IN, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["BUILT_IN", "Metric", "check_names", "measure", "table"]


def measure(
    path: Path | str, names: Iterable[str] | None = None, *, first_frame: Path | str | None = None
) -> dict[str, float | None]:
    """Figures of a clip by name; None where there is nothing to measure, as the loudness of a silent film.

    Parameters
    ----------
    path
        Of the clip.
    names
        Which figures, of those of `table`; all by default.
    first_frame
        The picture that the clip was asked to begin with, for ``first_frame_match``.

    Raises
    ------
    InvalidRequest
        There is no such figure.
    MediaError
        The clip or the picture cannot be read.
    """
    from seedance_widgets.metrics.first_frame import first_frame_match
    from seedance_widgets.metrics.pictures import measure_pictures
    from seedance_widgets.metrics.sound import measure_sound

    wanted = check_names(BUILT_IN if names is None else names)
    clip, found = Path(path), dict[str, float | None]()
    pictures = [name for name in wanted if BUILT_IN[name].of == "pictures"]
    sound = [name for name in wanted if BUILT_IN[name].of == "sound"]
    if pictures:
        found |= measure_pictures(clip, pictures)
    if sound:
        found |= measure_sound(clip, sound) or {}
    if "first_frame_match" in wanted and first_frame is not None:
        found["first_frame_match"] = first_frame_match(clip, Path(first_frame))
    return {name: found.get(name) for name in wanted}


def check_names(names: Iterable[str] | str) -> list[str]:
    """Names of figures, each once.

    Raises
    ------
    InvalidRequest
        There is no such figure; says which is nearest.
    """
    import difflib

    wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    problems = []
    for name in wanted:
        if name not in BUILT_IN:
            nearest = difflib.get_close_matches(str(name), BUILT_IN, n=1)
            reason = f"is no figure of a clip. There are: {', '.join(BUILT_IN)}"
            problems.append(Problem("metrics", name, reason, nearest=nearest[0] if nearest else None))
    if problems:
        raise InvalidRequest(problems, refused="nothing was measured")
    return wanted


def table() -> pd.DataFrame:
    """The figures that there are: unit, definition and source of each, indexed by ``metric``."""
    import pandas as pd

    rows: list[dict[str, Any]] = [asdict(metric) for metric in BUILT_IN.values()]
    return pd.DataFrame(rows).set_index("name").rename_axis("metric")[["unit", "definition", "source"]]
