"""What is not sent can be taken back: certain, free, and never sent afterwards."""

from __future__ import annotations

import asyncio

import pytest

import seedance_widgets as sw
from seedance_widgets.sending.limits import Limits

SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}


@pytest.fixture
def held():
    """A simulator whose time stands still: what it has taken runs for ever."""
    return sw.Simulator(speed=200, clock=lambda: 1_800_000_000.0)


@pytest.fixture
def studio(tmp_path, held):
    with sw.Studio(tmp_path / "runs", simulate=held, limits=Limits(rpm=1), budget_usd=50) as studio:
        yield studio


async def begin(studio, count):
    """So many tasks, of which the first is sent and the others wait; and the submits of those."""
    submits, tasks = [], [await studio.submit("fox 0", **SMALL)]
    for n in range(1, count):
        submits.append(asyncio.ensure_future(studio.submit(f"fox {n}", **SMALL)))
        while len(frame := studio.log.to_pandas()) <= n:
            await asyncio.sleep(0.01)
        tasks.append(await studio.task(frame.index[-1]))
    return tasks, submits


def statuses(studio):
    return list(studio.log.to_pandas()["status"])


async def test_an_unsent_task_is_withdrawn_and_the_others_go_on(studio, held):
    tasks, submits = await begin(studio, 3)
    reserved = studio.reserved
    assert await tasks[1].cancel() is tasks[1]
    assert [task.status for task in tasks][1:] == ["withdrawn", "intent"]
    assert studio.reserved == pytest.approx(reserved * 2 / 3)
    with pytest.raises(sw.TaskCancelled, match="withdrawn before it was sent: nothing was made") as caught:
        await submits[0]
    assert caught.value.task is tasks[1]
    with pytest.raises(sw.TaskCancelled):
        await tasks[1]
    assert len(held.tasks()) == 1
    await studio.stop()
    with pytest.raises(sw.TaskCancelled):
        await submits[1]


async def test_stop_sends_nothing_any_more_and_says_what_goes_on(studio, held):
    tasks, submits = await begin(studio, 6)
    stopped = await studio.stop()
    assert set(stopped.withdrawn) == {task.key for task in tasks[1:]}
    assert stopped.cancelled + stopped.going_on == (tasks[0].key,)
    assert repr(stopped).startswith("5 tasks withdrawn before sending")
    await asyncio.gather(*submits, return_exceptions=True)
    assert len(held.tasks()) == 1
    assert studio.reserved == pytest.approx(sum(task.row.reserved_usd for task in tasks[:1]))
    assert repr(await studio.stop()).startswith(("0 tasks withdrawn", "Nothing"))


async def test_what_was_withdrawn_is_sent_when_it_is_asked_for_again(studio, tmp_path):
    tasks, submits = await begin(studio, 2)
    await tasks[1].cancel()
    await asyncio.gather(*submits, return_exceptions=True)
    with pytest.raises(sw.InvalidRequest, match="withdrawn; only an unknown outcome can be abandoned"):
        await tasks[1].abandon()
    again = asyncio.ensure_future(tasks[1].resend())
    while len(studio.log.to_pandas()) < 3:
        await asyncio.sleep(0.01)
    assert statuses(studio)[1:] == ["withdrawn", "intent"]
    await studio.stop()
    await asyncio.gather(again, return_exceptions=True)


async def test_what_is_on_the_wire_is_waited_for(tmp_path):
    """It cannot be taken back: its answer is heard, and then it is a task like others."""
    simulator = sw.Simulator(speed=50)
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        outbox = studio.runtime.outbox
        create, reached, go_on = outbox._client.create, asyncio.Event(), asyncio.Event()
        here = asyncio.get_running_loop()

        async def slow_create(body):
            here.call_soon_threadsafe(reached.set)
            while not go_on.is_set():
                await asyncio.sleep(0.01)
            return await create(body)

        outbox._client.create = slow_create
        submit = asyncio.ensure_future(studio.submit("a fox", **SMALL))
        await reached.wait()
        (key,) = studio.log.to_pandas().index
        cancelling = asyncio.ensure_future((await studio.task(key)).cancel())
        await asyncio.sleep(0.2)
        assert not cancelling.done()
        go_on.set()
        ended = await asyncio.gather(cancelling, submit, return_exceptions=True)
        assert (await studio.task(key)).status in ("queued", "running", "cancelled", "succeeded"), ended
        assert len(simulator.tasks()) == 1


async def test_a_withdrawn_row_is_never_matched(studio, held):
    tasks, submits = await begin(studio, 2)
    await tasks[1].cancel()
    await asyncio.gather(*submits, return_exceptions=True)
    resumed = await studio.resume()
    assert tasks[1].key not in [task.key for task in resumed]
    assert statuses(studio)[1] == "withdrawn"
