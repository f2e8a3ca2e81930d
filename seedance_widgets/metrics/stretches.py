"""What FFmpeg's detecting filters say: they write the beginning and the end of a stretch on frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Stretches", "pull_all"]


class Stretches:
    """Stretches of a clip, such as those in which its picture is frozen.

    Parameters
    ----------
    start, end
        What a filter calls the beginning and the end of one.
    least
        Seconds that a stretch lasts at least.
    """

    def __init__(self, start: str, end: str, least: float) -> None:
        self._start, self._end = start, end
        self._least = least
        self._open: float | None = None
        self._found: list[float] = []

    def note(self, told: Mapping[str, str]) -> None:
        """Take in what the filter wrote on a frame."""
        if self._end in told and self._open is not None:
            self._found.append(float(told[self._end]) - self._open)
            self._open = None
        if self._start in told:
            self._open = float(told[self._start])

    def seconds(self, end: float) -> float:
        """How long all of them last, in a clip that ends at so many seconds."""
        found = self._found if self._open is None else [*self._found, end - self._open]
        # a filter counts in whole frames: half a millisecond is none
        return sum(length for length in found if length >= self._least - 5e-4)


def pull_all(graph: Any) -> Iterator[Any]:
    """What a filter graph has ready by now."""
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as Ended

    while True:
        try:
            yield graph.pull()
        except (NothingReady, Ended):
            return
