"""Joining clips by copy: ``sw.concat`` against ``ffmpeg -f concat -c copy`` and PyAV alone on the same files.

Five clips of 121 frames are joined by all in turn: simulated ones with sound, which are small, and five times one
of noise without sound, which is as heavy as clips of the service get. Like is compared with like:

* Calls in a running process, as in a notebook: the kit, and a loop that does with PyAV what ``ffmpeg -c copy`` does,
  packet by packet through the same library.
* Whole processes from start to end: ffmpeg's, told to be quiet, and new Python processes with PyAV alone and with the
  kit. Starting Python and loading PyAV is on both of their clocks.

Beside copying the kit reads each clip through first, puts the index in front, writes chapters, fsyncs and looks into
what it wrote; the other sides neither check nor sync.

ffmpeg is for this comparison only, nothing of the kit uses it; where it is not installed its row is left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import av
import measure
import numpy as np

import seedance_widgets as sw
from seedance_widgets.simulator.render import Scene, render_mp4

if TYPE_CHECKING:
    from pathlib import Path

CLIPS, FRAMES = (2, 29) if measure.SMALL else (5, 121)
SIZES = ((480, 480),) if measure.SMALL else ((864, 496), (1920, 1088))
KIT = """
import sys
import seedance_widgets as sw
sw.concat(sys.argv[2:], sys.argv[1])
"""
COPY = """
import av

def copied(paths, out):
    streams, last, begins = {}, {}, 0
    with av.open(out, "w") as target:
        for path in paths:
            with av.open(path) as source:
                for stream in source.streams:
                    if stream.type not in streams:
                        streams[stream.type] = target.add_stream_from_template(stream)
                ends = begins
                for packet in source.demux():
                    if packet.dts is not None:
                        kind, shift = packet.stream.type, round(begins / packet.time_base)
                        # what primes the next clip's sound would overlap, and ffmpeg moves it in the same way
                        packet.dts = last[kind] = max(packet.dts + shift, last.get(kind, packet.dts + shift - 1) + 1)
                        packet.pts = max(packet.pts + shift, packet.dts)
                        ends = max(ends, (packet.pts + packet.duration) * packet.time_base)
                        packet.stream = streams[kind]
                        target.mux(packet)
            begins = ends
"""
COPY_ALL = f"""
import sys
{COPY}
copied(sys.argv[2:], sys.argv[1])
"""


def clips(home: Path, size: tuple[int, int]) -> list[Path]:
    """The clips to join, as the simulator makes them."""
    paths = []
    for number in range(CLIPS):
        path = home / f"{size[1]}-{number}.mp4"
        scene = Scene(*size, frames=FRAMES, seed=number, prompt="a fox by the sea", audio=True)
        path.write_bytes(render_mp4(scene))
        paths.append(path)
    return paths


def heavy_clips(home: Path) -> list[Path]:
    """One clip of 16 Mbit/s, as often as others are joined."""
    path, rng = home / "heavy.mp4", np.random.default_rng(1)
    noise = rng.integers(0, 255, (1088, 1920), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt, video.bit_rate = 1920, 1088, "yuv420p", 16_000_000
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, 7 * number, axis=1), "gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return [path] * CLIPS


def kit(paths: list[Path], out: Path) -> float:
    """Milliseconds for ``sw.concat`` in this process."""
    began = time.perf_counter()
    story = sw.concat(paths, out)
    took = time.perf_counter() - began
    assert not story.encoded
    return checked(out, took)


def bare(paths: list[Path], out: Path) -> float:
    """Milliseconds for PyAV alone in this process."""
    namespace: dict[str, Any] = {}
    exec(COPY, namespace)
    began = time.perf_counter()
    namespace["copied"](list(map(str, paths)), str(out))
    return checked(out, time.perf_counter() - began)


def kit_process(paths: list[Path], out: Path) -> float:
    """Milliseconds for a new Python process that joins with the kit."""
    return checked(out, clocked([sys.executable, "-P", "-c", KIT, str(out), *map(str, paths)]))


def bare_process(paths: list[Path], out: Path) -> float:
    """Milliseconds for a new Python process that joins with PyAV alone."""
    return checked(out, clocked([sys.executable, "-P", "-c", COPY_ALL, str(out), *map(str, paths)]))


def ffmpeg(paths: list[Path], out: Path) -> float:
    """Milliseconds for ffmpeg's process."""
    listing = out.with_suffix(".txt")
    listing.write_text("".join(f"file '{path}'\n" for path in paths), encoding="utf-8")
    how = ["-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy"]
    return checked(out, clocked(["ffmpeg", *how, str(out)]))


def clocked(command: list[str]) -> float:
    """Seconds for a command."""
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def checked(out: Path, seconds: float) -> float:
    """The same in milliseconds, once all frames were found in the file, which is removed."""
    with av.open(str(out)) as container:
        assert container.streams.video[0].frames == CLIPS * FRAMES
    out.unlink()
    return seconds * 1e3


def main() -> None:
    rounds = measure.rounds(__doc__, 21)
    with measure.folder() as home:
        for size in SIZES:
            compare(f"{size[0]}x{size[1]}, simulated", clips(home, size), home / "story.mp4", rounds)
        compare("1920x1088, noise", heavy_clips(home), home / "story.mp4", rounds)


def compare(what: str, paths: list[Path], out: Path, rounds: int) -> None:
    """Join the same clips in all ways."""
    ways = (bare, kit, *([ffmpeg] if shutil.which("ffmpeg") else []), bare_process, kit_process)
    took = measure.alternate(rounds, {way.__name__: partial(way, paths, out) for way in ways})
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    table = measure.Table(f"{CLIPS} x {FRAMES} frames of {what}, {megabytes:.1f} MB")
    table.row("a call: PyAV alone", took["bare"], "ms")
    table.row("a call: sw.concat", took["kit"], "ms", against=took["bare"], at_most=4)
    whole = took.get("ffmpeg", [])
    if whole:
        table.row("a process: ffmpeg -c copy", whole, "ms")
    table.row("a process: Python with PyAV alone", took["bare_process"], "ms", against=whole)
    table.row("a process: Python with sw.concat", took["kit_process"], "ms", against=whole)
    table.print()


if __name__ == "__main__":
    main()
