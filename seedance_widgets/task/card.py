"""The static picture of a task in a notebook: HTML that reads and plays without a kernel, and its text twin.

Pure functions of facts. No script is in it, so it works in a notebook that is not trusted; colours come
from JupyterLab's own variables with plain fallbacks. The clip is a relative link, the poster a few
kilobytes. Everything that a person or a server wrote is escaped: it is text, never markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from seedance_widgets.log.row import FINAL, NEVER_MADE, UNDERWAY, WORRYING, Status
from seedance_widgets.terminal import printable
from seedance_widgets.units import cost_text, data_url, duration_text, usd_text

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CardFacts", "as_text", "brief", "card_html", "card_text", "shorten", "video_html"]


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card shows. Sides are pixels, money USD, ``elapsed`` seconds; unknown is None.

    ``video`` and ``download`` are paths relative to the notebook, ``poster`` a JPEG's bytes. ``unreached``
    says why the page cannot have the clip. ``until`` is when the service forgets what is still needed: the
    file of a clip that is not saved, or a draft.
    """

    key: str
    status: str
    model: str
    prompt: str
    simulated: bool
    elapsed: float
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    seed: int | None = None
    est_usd: float | None = None
    most_usd: float | None = None
    usd: float | None = None
    tokens: int | None = None
    spent: float | None = None
    task_id: str | None = None
    problem: str | None = None
    note: str | None = None
    video: str | None = None
    download: str | None = None
    unreached: str | None = None
    poster: bytes | None = None
    until: datetime | None = None
    is_draft: bool = False


STATUS_WORDS: dict[str, str] = {
    Status.INTENT: "sending",
    Status.UNKNOWN: "outcome unknown",
    Status.NOT_CREATED: "not sent",
    Status.REJECTED: "refused",
}
"""Of a status whose name does not say it to a person."""
# name of JupyterLab's colour variable, fallback; of lines only: as letters on white some are too pale
_COLOURS: dict[str, tuple[str, str]] = {
    Status.SUCCEEDED: ("success", "#2e7d32"),
    **dict.fromkeys(UNDERWAY, ("brand", "#1565c0")),
    **dict.fromkeys(WORRYING, ("warn", "#b26a00")),
}
_ERROR = ("error", "#c62828")
_MUTED = "color:var(--jp-ui-font-color2,#616161)"
_NUMERIC = "font-variant-numeric:tabular-nums"
# of what a service said, before the rest is folded away; its own messages are a sentence or two
_PROBLEM = 600
# a person who plays a clip by keys must not turn the cell into text (m) or cut it (x)
_KEYS_STAY = "data-lm-suppress-shortcuts"
# what opens a formula to MathJax, in an element of its own, over which it does not read
_NO_FORMULA = str.maketrans({mark: f"<span>{mark}</span>" for mark in "$\\"})
_AS_TYPED = "white-space:pre-wrap;overflow-wrap:anywhere"


def card_text(facts: CardFacts) -> str:
    """One line for a terminal, a log or a screen reader."""
    parts = [f"Task {facts.key}", _status(facts), *_figures(facts)]
    if facts.problem:
        parts.append(brief(facts.problem))
    if facts.note:
        parts.append(brief(facts.note))
    if facts.download:
        parts.append(facts.download)
    return printable(" · ".join(parts))


def card_html(facts: CardFacts) -> str:
    """The card as HTML."""
    name, fallback = _COLOURS.get(facts.status, _ERROR)
    colour = f"var(--jp-{name}-color1,{fallback})"
    simulated = _badge("SIMULATED, not billed", "var(--jp-warn-color1,#b26a00)") if facts.simulated else ""
    head = (
        f"{_badge(_status(facts), colour)}{simulated}"
        f'<code style="font-size:12px">{as_text(facts.key)}</code>'
        f'<span style="{_MUTED};font-size:12px">{as_text(facts.model)}</span>'
    )
    figures = as_text(" · ".join(_figures(facts)))
    rows = [
        f'<div style="display:flex;gap:8px;align-items:center;flex-wrap:wrap">{head}</div>',
        f'<div dir="auto" style="margin:6px 0;{_AS_TYPED}">{as_text(shorten(facts.prompt))}</div>',
        f'<div style="{_MUTED};font-size:12px;{_NUMERIC}">{figures}</div>',
    ]
    if facts.problem:
        rows.append(
            f'<div style="margin-top:6px;padding-left:8px;border-left:3px solid {colour};{_AS_TYPED}">'
            f"{_fold(facts.problem)}</div>"
        )
    if facts.note:
        rows.append(
            f'<div style="{_MUTED};font-size:12px;margin-top:4px;{_AS_TYPED}">{as_text(facts.note)}</div>'
        )
    if facts.video:
        sides = (facts.width, facts.height) if facts.width and facts.height else None
        rows.append(
            video_html(
                facts.video,
                label=facts.prompt[:100],
                poster=facts.poster,
                download=facts.download,
                sides=sides,
                unreached=facts.unreached,
            )
        )
    return (
        '<div style="max-width:640px;padding:10px 12px;border:1px solid var(--jp-border-color2,#e0e0e0);'
        f"border-left:3px solid {colour};border-radius:4px;font-family:var(--jp-ui-font-family,sans-serif);"
        f'font-size:13px;color:var(--jp-ui-font-color1,#212121)">{"".join(rows)}</div>'
    )


def video_html(
    video: str,
    *,
    label: str,
    poster: bytes | None = None,
    download: str | None = None,
    sides: tuple[int, int] | None = None,
    unreached: str | None = None,
) -> str:
    """A player for a clip, and a link to the file.

    Parameters
    ----------
    video, download
        Paths relative to the notebook.
    label
        For the ear.
    poster
        A JPEG for where the clip is not there: behind it, not before it, as its own first frame is sharper.
    sides
        Width and height in pixels, so that nothing moves once the clip is read.
    unreached
        Why the page cannot have the clip: said, with how to play it, in place of a player.
    """
    if unreached is not None:
        return _unplayed(video, label=label, poster=poster, why=unreached)
    still = ""
    if poster:
        still = f" url({data_url(poster, 'image/jpeg')}) center/contain no-repeat"
    ratio = f";aspect-ratio:{sides[0]}/{sides[1]}" if sides else ""
    shape = f"width:100%;max-height:420px{ratio};margin-top:8px;background:#000{still}"
    link = ""
    if download:
        link = (
            f'<div style="font-size:12px;margin-top:4px">'
            f'<a href="{_address(download)}" download '
            f'style="color:var(--jp-content-link-color,#1565c0)">Download MP4</a> '
            f'<span style="{_MUTED}">{as_text(download)}</span></div>'
        )
    return (
        f'<video controls muted playsinline preload="metadata" {_KEYS_STAY} src="{_address(video)}" '
        f'style="{shape}" aria-label="{escape(label)}"></video>{link}'
    )


def _unplayed(video: str, *, label: str, poster: bytes | None, why: str) -> str:
    """The poster of a clip that the page cannot have, and how to play it."""
    still = ""
    if poster:
        source = data_url(poster, "image/jpeg")
        still = f'<img src="{source}" alt="{escape(label)}" style="max-width:100%;margin-top:8px">'
    words = (
        f"The clip is saved, and this page cannot reach it: {why}. To play it here, let the kernel send it: "
        "sw.Gallery([task]). For cards that play, keep the studio's home in a folder beside the notebook."
    )
    return (
        f'{still}<div style="font-size:12px;margin-top:4px">{as_text(words)} '
        f'<span style="{_MUTED}">{as_text(video)}</span></div>'
    )


def _status(facts: CardFacts) -> str:
    return STATUS_WORDS.get(facts.status, facts.status)


def _figures(facts: CardFacts) -> list[str]:
    figures = []
    if facts.width and facts.height:
        figures.append(f"{facts.width}x{facts.height}")
    if facts.frames:
        figures.append(f"{facts.frames} frames")
    if facts.seed is not None:
        figures.append(f"seed {facts.seed}")
    if facts.status not in NEVER_MADE:
        figures.append(_time_taken(facts))
    if facts.tokens is not None:
        figures.append(f"{facts.tokens:,} tokens")
    figures.append(cost_text(facts.usd, facts.est_usd, facts.most_usd))
    if facts.spent is not None:
        figures.append(f"spent so far {usd_text(facts.spent)}")
    if facts.until is not None:
        what = "can be made final" if facts.is_draft else "the service keeps its file"
        figures.append(f"{what} until {facts.until:%d %b %H:%M} UTC")
    return figures


def _time_taken(facts: CardFacts) -> str:
    """Of the task, in words that nobody takes for the length of the clip."""
    time = duration_text(facts.elapsed)
    if facts.status == Status.SUCCEEDED:
        return f"made in {time}"
    return f"ended after {time}" if facts.status in FINAL else f"{time} so far"


def _badge(text: str, colour: str) -> str:
    return (
        f'<span style="border:1px solid {colour};border-radius:10px;padding:0 8px;'
        f'font-size:11px;line-height:18px;white-space:nowrap">{as_text(text)}</span>'
    )


def shorten(text: str, limit: int = 300) -> str:
    """A text of at most ``limit`` characters, with three dots where some are left out."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def brief(message: str) -> str:
    """What went wrong in as many words as a person reads; of a longer message its start and its length."""
    if len(message) <= _PROBLEM:
        return message
    return f"{message[:_PROBLEM]}… ({len(message):,} characters, all of them in the task's error)"


def _fold(message: str) -> str:
    """A long message with its rest folded away, all of it on the page."""
    if len(message) <= _PROBLEM:
        return as_text(message)
    return (
        f"{as_text(message[:_PROBLEM])}<details><summary>… and {len(message) - _PROBLEM:,} more characters"
        f"</summary>{as_text(message[_PROBLEM:])}</details>"
    )


def as_text(written: str) -> str:
    r"""Text as text: never markup, and never mathematics, which notebooks see in ``$x$`` and ``\(x\)``."""
    return escape(written).translate(_NO_FORMULA)


def _address(path: str) -> str:
    return quote(path, safe="/.~-_")
