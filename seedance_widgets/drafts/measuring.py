"""The clips of many tasks measured, and the figures kept in the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import LogError
from seedance_widgets.log.row import FileState
from seedance_widgets.log.tags import keys_of
from seedance_widgets.metrics.figures import Job, measures_of
from seedance_widgets.metrics.workers import measure_all
from seedance_widgets.task.progress import Progress
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from seedance_widgets.log.metrics import Known
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.metrics.figures import Measure
    from seedance_widgets.runtime import StudioRuntime

__all__ = ["measure_tasks"]

_NOT_SAVED = "its clip is not saved"


async def measure_tasks(
    runtime: StudioRuntime, tasks: Any, metrics: Any = None, *, progress: bool = True
) -> pd.DataFrame:
    """Measure the saved clips of tasks; as `Studio.measure`, whose parameters these are."""
    measures = measures_of(metrics)
    keys = list(dict.fromkeys(keys_of(tasks)))
    rows = {row.key: row for row in await asyncio.to_thread(runtime.journal.rows, keys)}
    if lacking := [key for key in keys if key not in rows]:
        raise LogError(f"the log {runtime.log.location} has no task {lacking[0]!r}; nothing was measured")
    known = await asyncio.to_thread(runtime.metrics.known, keys)
    jobs = _jobs_of(runtime, [rows[key] for key in keys], measures, known)
    await _work(runtime, jobs, measures, rows, progress=progress)
    return _frame(keys, await asyncio.to_thread(runtime.metrics.known, keys), measures, jobs)


def _jobs_of(
    runtime: StudioRuntime, rows: Iterable[TaskRow], measures: Sequence[Measure], known: Sequence[Known]
) -> dict[str, Job | None]:
    """What is to be measured of each task, None where its clip is not there."""
    # of one that failed the reason may be gone by now
    fresh = {(each.key, each.name, each.version, each.sha256) for each in known if each.trouble is None}
    jobs: dict[str, Job | None] = {}
    for row in rows:
        path = runtime.absolute(row.video_path)
        if row.file is not FileState.SAVED or path is None or not path.is_file():
            jobs[row.key] = None
            continue
        asked = runtime.absolute(row.first_frame) if row.first_frame else None
        jobs[row.key] = Job(
            path,
            asked if asked is not None and asked.is_file() else None,
            tuple(each for each in measures if (row.key, each.name, each.version, row.sha256) not in fresh),
        )
    return jobs


async def _work(
    runtime: StudioRuntime,
    jobs: Mapping[str, Job | None],
    measures: Sequence[Measure],
    rows: Mapping[str, TaskRow],
    *,
    progress: bool,
) -> None:
    at_work = {key: job for key, job in jobs.items() if job is not None and job.measures}
    versions = {each.name: each.version for each in measures}
    keys, done, failed = list(at_work), 0, 0

    def how_far() -> tuple[int, str]:
        text = f"{done:,} of {count_text(len(keys), 'clip')} measured"
        if len(jobs) > len(keys):
            text += f", {len(jobs) - len(keys):,} known or not saved"
        return done, text + (f"; {count_text(failed, 'figure')} could not be had" if failed else "")

    if not keys:
        return
    drawn = Progress("measure", len(keys), wanted=progress)
    try:
        drawn.show(*how_far())
        async for number, found in measure_all(list(at_work.values())):
            key = keys[number]
            keep = engine.write(runtime.metrics.keep, key, found, versions, rows[key].sha256)
            await engine.bridge(keep)
            done += 1
            failed += sum(each.trouble is not None for each in found)
            drawn.show(*how_far())
    finally:
        await drawn.finish(*how_far())


def _frame(
    keys: Sequence[str], known: Sequence[Known], measures: Sequence[Measure], jobs: Mapping[str, Job | None]
) -> pd.DataFrame:
    import pandas as pd

    names = [measure.name for measure in measures]
    figures: dict[str, dict[str, float | None]] = {}
    troubles: dict[str, list[str]] = {key: [_NOT_SAVED] if job is None else [] for key, job in jobs.items()}
    for name in names:
        for each in known:
            if jobs[each.key] is None or not (each.name == name or each.name.startswith(f"{name}.")):
                continue
            figures.setdefault(each.name, {})[each.key] = each.value
            if each.trouble is not None:
                troubles[each.key].append(f"{each.name}: {each.trouble}")
    several = {name for name in names if any(other.startswith(f"{name}.") for other in figures)}
    shown = {name: of for name, of in figures.items() if name not in several}
    frame = pd.DataFrame(
        {
            name: pd.array([of.get(key) for key in keys], dtype="Float64")
            for name, of in (shown | {name: {} for name in names if name not in {*shown, *several}}).items()
        },
        index=pd.Index(list(keys), name="key", dtype="string"),
    )
    frame["trouble"] = pd.array(["; ".join(troubles[key]) or None for key in keys], dtype="string")
    return frame
