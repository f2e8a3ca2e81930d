"""A kernel of its own, run by tests: ``kernel_process.py ACT HOME BASE_URL OPTIONS``; see `processes.Process`."""

from __future__ import annotations

import asyncio
import json
import sys

import seedance_widgets as sw

CLIP = {"model": "seedance-1-0-pro-fast", "resolution": "480p", "ratio": "1:1"}


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


async def told() -> None:
    await asyncio.to_thread(sys.stdin.readline)


async def submitted(studio: sw.Studio, count: int, frames: int = 29) -> list[object]:
    """A task's key each, or the error's name with what a refusal lacks."""
    begun = (studio.submit(f"fox {number}", frames=frames, **CLIP) for number in range(count))
    return [
        [type(each).__name__, getattr(each, "short_by", None)] if isinstance(each, Exception) else each.key
        for each in await asyncio.gather(*begun, return_exceptions=True)
    ]


async def submit(studio: sw.Studio, **what: int) -> None:
    """Send when told, say what came of it, and end when told."""
    say("ready")
    await told()
    say(await submitted(studio, **what))
    await told()


async def resume(studio: sw.Studio) -> None:
    """Resume when told, and end when all that was taken up has ended, here or elsewhere."""
    say("ready")
    await told()
    resumed = await studio.resume()
    say({"taken": [task.key for task in resumed], "elsewhere": sorted(resumed.elsewhere)})
    await asyncio.gather(*resumed, return_exceptions=True)
    say({task.key: task.status for task in resumed})
    await told()


async def work(studio: sw.Studio, count: int) -> None:
    """What a notebook does all day, to be killed while it does it."""
    say("ready")
    resuming = asyncio.ensure_future(studio.resume())
    for _ in range(count):
        await submitted(studio, 1)
    await asyncio.gather(*await resuming, return_exceptions=True)
    await asyncio.Event().wait()


async def main() -> None:
    act, home, base_url, options = sys.argv[1:]
    chosen = json.loads(options)
    budget = chosen.pop("budget_usd", None)
    async with sw.Studio(home, api_key="a-test", base_url=base_url, budget_usd=budget) as studio:
        await {"submit": submit, "resume": resume, "work": work}[act](studio, **chosen)


if __name__ == "__main__":
    asyncio.run(main())
