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


def be_newer() -> None:
    """Be the package of some later day, whose log has a step more."""
    from seedance_widgets.log import migrations

    step = "ALTER TABLE kernels ADD COLUMN of_tomorrow TEXT"
    migrations.MIGRATIONS.append(lambda connection: connection.exec_driver_sql(step))


async def outlive(studio: sw.Studio) -> None:
    """Send a task, and when told another one, and say their keys or why one was not sent; end when told.

    Where it was not sent, the card of the first has to say why by itself.
    """
    first = await studio.submit("a fox", frames=29, **CLIP)
    say(first.key)
    await told()
    try:
        say((await studio.submit("a fox", frames=29, **CLIP)).key)
    except sw.LogError as error:
        say(str(error))
        while "by a newer seedance-widgets" not in first._repr_html_():
            await asyncio.sleep(0.1)
        say(first.status)
    await told()


async def main() -> None:
    act, home, base_url, options = sys.argv[1:]
    chosen = json.loads(options)
    if chosen.pop("newer", False):
        be_newer()
    studio_options = {name: chosen.pop(name, None) for name in ("budget_usd", "log")}
    async with sw.Studio(home, api_key="a-test", base_url=base_url, **studio_options) as studio:
        await {"submit": submit, "resume": resume, "work": work, "outlive": outlive}[act](studio, **chosen)


if __name__ == "__main__":
    asyncio.run(main())
