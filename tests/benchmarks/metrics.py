"""What measuring clips costs: all built-in figures of 100 clips of 5 s at 480p, in processes of their own.

Compared with a decoder that only decodes the same clips' pictures, with one thread, one after the other. Clips
are the simulator's; each round copies them under new names, so that nothing is known of them.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import av
import measure

import seedance_widgets as sw
from seedance_widgets.metrics.figures import Job, measures_of
from seedance_widgets.metrics.workers import measure_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLIPS = 4 if measure.SMALL else 100
SCENES = 2 if measure.SMALL else 10
SHOWN = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "16:9", "duration": 5}


async def make(folder: Path) -> list[Path]:
    """The clips: so many scenes, copied."""
    with sw.Studio(folder / "runs", simulate=sw.Simulator(speed=2000)) as studio:
        scenes = [await studio.generate(f"a fox, take {n}", **SHOWN) for n in range(SCENES)]
        paths = [folder / f"{n}.mp4" for n in range(CLIPS)]
        for number, path in enumerate(paths):
            scene = scenes[number % SCENES].video_path
            assert scene is not None
            shutil.copyfile(scene, path)
    return paths


def decode(paths: Sequence[Path]) -> float:
    """Seconds to decode all pictures with one thread."""
    began = time.perf_counter()
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for _ in container.decode(stream):
                pass
    return time.perf_counter() - began


def figures(paths: Sequence[Path], names: object) -> float:
    """Seconds to measure all clips."""

    async def work() -> int:
        jobs = [Job(path, None, tuple(measures_of(names))) for path in paths]
        return sum([len(found) async for _, found in measure_all(jobs)])

    began = time.perf_counter()
    assert asyncio.run(work()) >= len(paths)
    return time.perf_counter() - began


def main() -> None:
    """Each in turn."""
    rounds = measure.rounds(__doc__, 5)
    with measure.folder() as folder:
        paths = asyncio.run(make(folder))
        results = measure.alternate(
            rounds,
            {
                "decoded": lambda: decode(paths),
                "all figures": lambda: figures(paths, None),
                "motion alone": lambda: figures(paths, "motion"),
            },
        )
    table = measure.Table(f"{CLIPS} clips of 5 s at 480p, seconds")
    table.row("pictures decoded, one thread", results["decoded"], "s")
    table.row("all figures", results["all figures"], "s", against=results["decoded"], at_most=3.0)
    table.row("motion alone", results["motion alone"], "s", against=results["decoded"])
    table.print()


if __name__ == "__main__":
    main()
