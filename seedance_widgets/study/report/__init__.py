"""A study as one HTML file: its question, method, clips and answer, and how sure the answer is.

The page loads nothing: style, picture and posters are in it, and its own policy forbids every request but for
clips that are linked beside it. Whatever people wrote is text in it, never markup. ``facts`` gathers what it
tells, ``sections`` says it, ``chart`` draws the intervals, ``clips`` shows what was judged.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.report.clips import CLIPS, clips_html
from seedance_widgets.study.report.markup import address_of
from seedance_widgets.study.report.sections import page_html

if TYPE_CHECKING:
    from pathlib import Path

    from seedance_widgets.study.report.facts import Facts

__all__ = ["write_report"]


def write_report(facts: Facts, path: Path, *, clips: str, max_mb: float, votes: Path | None) -> Path:
    """Write the page, and a table of the votes beside it if that is asked for; see `Study.report`.

    Raises
    ------
    InvalidStudy
        ``clips`` is none of the ways to show them, or they are too large to embed; nothing was written.
    """
    if clips not in CLIPS:
        raise InvalidStudy(f"clips={clips!r} is none of {', '.join(CLIPS)}")
    folder = path.parent
    shown = clips_html(facts, folder, how=clips, max_bytes=int(max_mb * 1_000_000))
    link = None if votes is None else address_of(votes, folder)
    page = page_html(facts, shown, votes_link=link)
    folder.mkdir(parents=True, exist_ok=True)
    if votes is not None:
        votes.parent.mkdir(parents=True, exist_ok=True)
        facts.opened.votes.to_csv(votes, index=False)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)
    return path
