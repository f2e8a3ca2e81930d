"""Figures of a clip's sound, by FFmpeg's own filters."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from seedance_widgets.media.video_file import open_clip
from seedance_widgets.metrics.stretches import Stretches, pull_all

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from av import AudioStream

__all__ = ["measure_sound"]

_SILENCE = ("lavfi.silence_start", "lavfi.silence_end", 0.3)
_LOUDNESS = "lavfi.r128.I"
_NO_LOUDNESS = -70.0  # as the filter has it


def measure_sound(path: Path, wanted: Collection[str]) -> dict[str, float] | None:
    """Figures of a clip's sound by name; None where it has no sound.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    silence, loudness, end = Stretches(*_SILENCE), _NO_LOUDNESS, 0.0
    with open_clip(path) as (container, _):
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        # one each: behind the other, a filter repeats what the one before has written
        quiet = _graph_of(stream, "silencedetect", "n=-60dB:d=0.3")
        loud = _graph_of(stream, "ebur128", "metadata=1:framelog=quiet")
        for frame in itertools.chain(container.decode(stream), [None]):
            if frame is not None:
                end = max(end, float(frame.time or 0.0) + frame.samples / frame.sample_rate)
            quiet.push(frame)
            for passed in pull_all(quiet):
                silence.note(passed.metadata)
            loud.push(frame)
            for passed in pull_all(loud):
                loudness = float(passed.metadata.get(_LOUDNESS, loudness))
    found = {"loudness": loudness, "silence": silence.seconds(end)}
    return {name: found[name] for name in wanted}


def _graph_of(stream: AudioStream, name: str, args: str) -> Any:
    from av.filter import Graph

    graph = Graph()
    nodes = (graph.add_abuffer(template=stream), graph.add(name, args), graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph
