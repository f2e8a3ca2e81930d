"""A clip that was deleted by hand, and a task of which the service has no record."""

from __future__ import annotations

import shutil
import time

import pytest
from tiny_model import register_tiny

import seedance_widgets as sw


@pytest.fixture
def simulator(fresh_catalog):
    register_tiny(fresh_catalog)
    with_state = sw.Simulator(speed=2000)
    yield with_state
    with_state.close()


def studio_of(tmp_path, simulator, **options):
    return sw.Studio(tmp_path / "runs", simulate=simulator, defaults={"model": "tiny"}, **options)


# --- the file --------------------------------------------------------------------------------------------


async def test_a_deleted_clip_is_fetched_again_while_the_service_has_it(tmp_path, simulator):
    with studio_of(tmp_path, simulator) as studio:
        tasks = [await studio.generate(f"fox {n}") for n in range(3)]
        before = studio.log.to_pandas()
        paths = [task.video_path for task in tasks]
    paths[0].unlink()
    shutil.rmtree(paths[1].parent)
    with studio_of(tmp_path, simulator) as studio:
        resumed = await studio.resume()
        assert "2 saved before and not there any more: its clip is fetched again" in repr(resumed)
        for task in resumed:
            await task
        after = studio.log.to_pandas()
        assert after["file"].eq("saved").all()
        assert after["sha256"].to_list() == before["sha256"].to_list()
        assert all(path.is_file() for path in paths)
        assert studio.spent == pytest.approx(before["usd"].sum())
        assert repr(await studio.resume()) == "nothing was left to do"


async def test_after_the_services_hours_a_deleted_clip_is_lost(tmp_path, fresh_catalog):
    register_tiny(fresh_catalog)
    later = [0.0]

    def clock():
        return time.time() + later[0]

    simulator = sw.Simulator(speed=2000, clock=clock)
    with studio_of(tmp_path, simulator, clock=clock) as studio:
        task = await studio.generate("a fox")
        path, key = task.video_path, task.key
        kept = path.read_bytes()
    later[0] = 25 * 3600
    path.unlink()
    with studio_of(tmp_path, simulator, clock=clock) as studio:
        assert repr(await studio.resume()) == "nothing was left to do"
        lost = await studio.task(key)
        with pytest.raises(sw.DownloadError, match="its clip is lost: its clip was saved as .*Put it back"):
            await lost
        assert studio.log.to_pandas()["file"].to_list() == ["lost"]
        path.write_bytes(kept)
        found = await studio.task(key)
        assert studio.log.to_pandas()["file"].to_list() == ["saved"]
        assert found.video_path == path
    simulator.close()


async def test_what_the_service_has_no_more_stays_lost(tmp_path, simulator):
    with studio_of(tmp_path, simulator) as studio:
        task = await studio.generate("a fox")
        await task.delete_remote()
        task.video_path.unlink()
    with studio_of(tmp_path, simulator) as studio:
        resumed = await studio.resume()
        assert resumed.lost == {task.key}
        with pytest.raises(sw.DownloadError):
            await resumed[0].wait(timeout=30)
        assert studio.log.to_pandas()["file"].to_list() == ["lost"]


async def test_the_files_of_another_home_are_not_lost(tmp_path, simulator):
    log = tmp_path / "log.sqlite"
    with sw.Studio(tmp_path / "a", simulate=simulator, log=log, defaults={"model": "tiny"}) as first:
        task = await first.generate("a fox")
    with sw.Studio(tmp_path / "b", simulate=simulator, log=log, defaults={"model": "tiny"}) as second:
        assert repr(await second.resume()) == "nothing was left to do"
        await second.task(task.key)
        assert second.log.to_pandas()["file"].to_list() == ["saved"]


# --- the record ------------------------------------------------------------------------------------------


async def test_a_task_without_a_record_says_so_and_can_be_given_up(tmp_path, simulator):
    with studio_of(tmp_path, simulator) as studio:
        simulator.faults.refuse(404, "NotFound.Task", on="get", times=10**6)
        simulator.faults.refuse(404, "NotFound.Task", on="list", times=10**6)
        task = await studio.submit("a fox")
        assert studio.reserved > 0
        with pytest.raises(sw.WaitTimeout, match="goes on, and can be awaited again. Last trouble: .*404"):
            await task.wait(timeout=3)
        assert "404" in repr(task)
        assert "404" in task._repr_html_()
        await task.abandon()
        assert task.status == "not_created"
        assert studio.reserved == 0
        assert f"the service has no record of {task.id}" in repr(task)
        with pytest.raises(sw.RequestRejected):
            await task


async def test_a_task_with_a_record_is_not_given_up(tmp_path, fresh_catalog):
    register_tiny(fresh_catalog)
    simulator = sw.Simulator(speed=1)
    with studio_of(tmp_path, simulator) as studio:
        task = await studio.submit("a fox")
        with pytest.raises(sw.InvalidRequest, match="only an unknown outcome can be abandoned"):
            await task.abandon()
        assert studio.reserved > 0
    simulator.close()
