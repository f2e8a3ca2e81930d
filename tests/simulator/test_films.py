"""Result files of the simulator: drawn two at a time, and the same request once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import seedance_widgets as sw
from seedance_widgets.simulator import render

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}


@pytest.fixture
def drawn(monkeypatch):
    """How many clips are drawn, and how many at once at most."""

    class Drawn:
        count = now = most = 0
        lock = threading.Lock()
        second = threading.Event()

        def __call__(self, scene):
            with self.lock:
                self.count += 1
                self.now += 1
                self.most = max(self.most, self.now)
                if self.now > 1:
                    self.second.set()
            self.second.wait(timeout=self.patience)
            try:
                return real(scene)
            finally:
                with self.lock:
                    self.now -= 1

        patience = 0.0

    real, counted = render.render_mp4, Drawn()
    monkeypatch.setattr(render, "render_mp4", counted)
    return counted


async def test_the_same_request_is_drawn_once(studio, drawn):
    first = await studio.generate("a fox", seed=11, **SMALL)
    again = await studio.generate("a fox", seed=11, **SMALL)
    other = await studio.generate("a fox", seed=12, **SMALL)
    assert drawn.count == 2
    clips = [task.video_path.read_bytes() for task in (first, again, other)]
    assert clips[0] == clips[1] != clips[2]
    assert first.id != again.id


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core draws one clip at a time")
def test_two_are_drawn_at_a_time(tmp_path, drawn):
    drawn.patience = 30.0  # the first waits for the second to begin
    with sw.Studio(tmp_path / "runs", simulate=sw.Simulator(speed=1000)) as studio:

        def make(seed):
            return sw.run(studio.generate("a fox", seed=seed, **SMALL))

        with ThreadPoolExecutor(3) as pool:
            assert [task.status for task in pool.map(make, (1, 2, 3))] == ["succeeded"] * 3
    assert drawn.most == 2
