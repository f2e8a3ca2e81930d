"""The clips of a study, pair by pair: small posters in the page, clips linked beside it or embedded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.media.video_file import shrink
from seedance_widgets.study.report.markup import address_of
from seedance_widgets.units import bytes_text, data_url

if TYPE_CHECKING:
    from pathlib import Path

    from seedance_widgets.study.making.clip_states import Fate
    from seedance_widgets.study.making.design import Slot
    from seedance_widgets.study.report.facts import Facts

__all__ = ["CLIPS", "clips_html"]

CLIPS = ("link", "embed", "posters")

# all posters together; a page of 40 clips stays far below 1 MB
_POSTERS_BYTES = 1_500_000
_POSTER_BYTES = (1_500, 6_000)
_POSTER_WIDTHS = (160, 320)
_MOST_CLIPS = 600


def clips_html(facts: Facts, folder: Path, *, how: str, max_bytes: int) -> str:
    """Every item and seed with all arms side by side, and what was voted on each clip.

    Parameters
    ----------
    facts
        Of the study.
    folder
        Where the page will be: links are relative to it.
    how
        One of `CLIPS`.
    max_bytes
        Of all embedded clips together.

    Raises
    ------
    InvalidStudy
        The embedded clips are larger.
    """
    fates = {fate.clip.slot: fate for fate in facts.outcome.fates}
    if how == "embed":
        _refuse_large(facts, max_bytes)
    each = min(max(_POSTERS_BYTES // max(1, len(fates)), _POSTER_BYTES[0]), _POSTER_BYTES[1])
    screen = _Screen(facts, folder, how, each)
    tallies = _tallies(facts)
    cells = sorted(facts.design.cells, key=lambda cell: facts.design.item_names.index(cell[0]))
    shown = cells[: max(1, _MOST_CLIPS // len(facts.design.arms))]
    parts = []
    for item, seed in shown:
        slots = [(arm, item, seed) for arm in facts.design.arms]
        figures = "".join(screen.figure(fates[slot], tallies[slot]) for slot in slots)
        head = f"seed {seed}" if item is None else f"{escape(item)} <small>seed {seed}</small>"
        pair = f'<h3 dir="auto">{head}</h3><div class="clips">{figures}</div>'
        parts.append(f'<section class="pair">{pair}</section>')
    left_out = len(cells) - len(shown)
    note = f"<p>Not shown: {left_out:,} more of these groups.</p>" if left_out else ""
    return f'<div class="pairs">{"".join(parts)}</div>{note}'


@dataclass(frozen=True)
class _Screen:
    """Shows clips in one way, with posters of at most so many bytes."""

    facts: Facts
    folder: Path
    how: str
    poster_bytes: int

    def figure(self, fate: Fate, tally: str) -> str:
        """A clip, or why there is none, and what was voted on it."""
        caption = f'<figcaption dir="auto"><b>{escape(fate.clip.arm)}</b> {tally}</figcaption>'
        return f"<figure>{self._picture(fate)}{caption}</figure>"

    def _picture(self, fate: Fate) -> str:
        arm, item, seed = fate.clip.slot
        row = fate.row
        if fate.state != "made" or row is None:
            code = f"<br>{escape(row.error_code)}" if row and row.error_code else ""
            return f'<div class="none">{fate.state}{code}</div>'
        label = escape(", ".join(filter(None, [arm, item, f"seed {seed}"])))
        shape = f' style="aspect-ratio:{row.width}/{row.height}"' if row.height else ""
        poster = self._poster(fate)
        video = self.facts.path(fate, "preview_path", "video_path")
        if self.how == "posters" or video is None:
            still = f'<img alt="{label}" src="{poster}"{shape}>'
            return still if poster else '<div class="none">no file</div>'
        linked = self.how == "link"
        source = address_of(video, self.folder) if linked else data_url(video.read_bytes(), "video/mp4")
        still = f' poster="{poster}"' if poster else ""
        named = f'aria-label="{label}" src="{source}"'
        return f'<video controls playsinline preload="none" {named}{still}{shape}></video>'

    def _poster(self, fate: Fate) -> str:
        path = self.facts.path(fate, "poster_path")
        if path is None:
            return ""
        data = path.read_bytes()
        if len(data) > self.poster_bytes:
            width = _POSTER_WIDTHS[self.poster_bytes > _POSTER_BYTES[0]]
            data = shrink(path, self.poster_bytes, widths=(width,))
        return data_url(data, "image/jpeg")


def _refuse_large(facts: Facts, max_bytes: int) -> None:
    files = [facts.path(fate, "preview_path", "video_path") for fate in facts.outcome.fates]
    size = sum(path.stat().st_size for path in files if path is not None)
    if size * 4 / 3 > max_bytes:
        raise InvalidStudy(
            f"the clips take {bytes_text(size * 4 // 3)} in the page, more than max_mb={max_bytes / 1e6:g}; "
            'nothing was written. Link them with clips="link", or allow more'
        )


def _tallies(facts: Facts) -> dict[Slot, str]:
    """The votes on each clip, in words, by its slot."""
    counts: dict[Slot, list[int]] = defaultdict(lambda: [0, 0, 0])
    votes = facts.opened.votes
    for vote in votes[votes["kind"] == "real"].astype(object).itertuples():
        if vote.choice == "skip":
            continue
        item = vote.item if isinstance(vote.item, str) else None
        for side, arm in (("left", vote.arm_left), ("right", vote.arm_right)):
            place = 1 if vote.choice == "tie" else 0 if vote.choice == side else 2
            counts[str(arm), item, int(str(vote.seed))][place] += 1
    said: dict[Slot, str] = defaultdict(str)
    for slot, (won, tied, lost) in counts.items():
        said[slot] = f"<small>{won} won, {tied} tied, {lost} lost</small>"
    return said
