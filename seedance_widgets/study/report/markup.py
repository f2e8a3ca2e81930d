"""Tables of words, and addresses of files, as HTML."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from seedance_widgets.units import relative_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["address_of", "table"]


def address_of(path: Path, folder: Path) -> str:
    """A file's address in a page that lies in ``folder``."""
    seen = relative_path(path, folder)
    return path.as_uri() if Path(seen).is_absolute() else quote(seen)


def table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table with a line of heads; the first cell of each row is its head."""
    head = "".join(f'<th scope="col" dir="auto">{escape(each)}</th>' for each in heads)
    lines = "".join(
        f'<tr><th scope="row" dir="auto">{escape(cells[0])}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])}</tr>"
        for cells in body
    )
    made = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    # scrolled by keyboard too where it is wider than the page
    return f'<div class="scroll" tabindex="0">{made}</div>'
