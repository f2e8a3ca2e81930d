"""Tables of words as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["table"]


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
