"""A joined story: its facts, and how a notebook shows it, in a player that needs no kernel and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedance_widgets.errors import MediaError
from seedance_widgets.media.video_file import poster_jpeg
from seedance_widgets.task.card import as_text, video_html
from seedance_widgets.task.served_files import why_out_of_reach
from seedance_widgets.units import count_text, relative_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Chapter", "Story"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One clip of a story: its title, and when it begins, in seconds."""

    title: str
    start: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Story:
    """The file that `concat` has written, with its facts. A Story can be used wherever a path can."""

    path: Path
    frames: int
    seconds: float
    """How long the video is."""
    width: int
    height: int
    """Pixels."""
    video: str
    """``"copied"`` or ``"encoded"``."""
    sound: str | None
    """The same of the sound, None where no clip has any."""
    reasons: tuple[str, ...]
    """Why something was encoded anew: which clip differs in what. Empty where all was copied."""
    notes: tuple[str, ...]
    """Where sound was lacking or too long, and whether a browser plays it."""
    dropped: tuple[int, ...]
    """The clips, counted from 1, whose first frame repeated the one before and is shown once."""
    chapters: tuple[Chapter, ...]

    @property
    def encoded(self) -> bool:
        """Whether video or sound was encoded anew."""
        return "encoded" in (self.video, self.sound)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return "\n  ".join([f"Story {self._link()} · {self._figures()}", *self._remarks()])

    def _repr_html_(self) -> str:
        remarks = "".join(
            f'<div style="color:var(--jp-ui-font-color2,#616161);font-size:12px;margin-top:4px;'
            f'overflow-wrap:anywhere">{as_text(remark)}</div>'
            for remark in self._remarks()
        )
        video = video_html(
            self._link(),
            label=self.path.stem,
            poster=self._poster(),
            download=self._link(),
            unreached=why_out_of_reach(self.path),
        )
        return (
            '<div style="max-width:640px;font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;'
            f'color:var(--jp-ui-font-color1,#212121)">{as_text(self._figures())}{remarks}{video}</div>'
        )

    def _figures(self) -> str:
        count = len(self.chapters)
        how = f"video {self.video}, sound {self.sound}" if self.sound else f"video {self.video}, no sound"
        return " · ".join([
            count_text(count, "clip"),
            f"{self.frames} frames",
            f"{self.seconds:.2f} s",
            f"{self.width}x{self.height}",
            how,
        ])  # fmt: skip

    def _remarks(self) -> list[str]:
        remarks = [f"encoded anew: {reason}" for reason in self.reasons] + [*self.notes]
        if self.dropped:
            clips = ", ".join(map(str, self.dropped))
            remarks.append(f"repeated first frame dropped: clip {clips}")
        return remarks

    def _link(self) -> str:
        return relative_path(self.path)

    def _poster(self) -> bytes | None:
        try:
            return poster_jpeg(self.path)
        except MediaError:  # moved since: the words are still right
            return None
