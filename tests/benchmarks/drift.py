"""Two clips of a CompareGrid pulled apart by 300 ms on purpose: how soon they are back within two frames.

    python tests/benchmarks/drift.py [--rounds N]

The real widget in real Chromium, with a stub in place of the kernel. A round pulls the second clip once ahead
of the first and once behind it, by setting its ``currentTime``; recovery lasts until the last
moment, of looks every 10 ms, at which they were more than 83 ms apart or one of them was still seeking. Loaded
means one process a processor that computes and nothing else. The control has its corrections taken away and has
to stay apart: what is measured is not what the browser mends by itself. Limits are on the median and on the
worst of all rounds.
"""

# ruff: noqa: E402 - the folders of the tests' own helpers must be on the path first

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import SMALL, Table, rounds

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from chromium import ARGS, chromium_path
from playwright.sync_api import sync_playwright
from stub import StubServer, open_stub

from seedance_widgets.simulator.render import Scene, render_mp4
from seedance_widgets.widgets.compare import CompareGrid

_LIMIT_MS = 500
_WITHIN_MS = 83  # two frames
_PULL_SECONDS = 0.3
# name -> width, height, frames, sound of both clips
_PAIRS = {
    "480p, equal": ((864, 496, 121, True), (864, 496, 121, True)),
    "480p, 5 s and 3 s": ((864, 496, 121, True), (864, 496, 73, True)),
    "480p, 3 s and 5 s, which is the clock": ((864, 496, 73, True), (864, 496, 121, True)),
    "480p, no sound": ((864, 496, 121, False), (864, 496, 121, False)),
    "720p, equal": ((1248, 704, 121, True), (1248, 704, 121, True)),
}
_PULL = """async (seconds) => {
  const [first, pulled] = document.querySelectorAll("video");
  const before = Math.abs(pulled.currentTime - first.currentTime);
  pulled.currentTime = first.currentTime + seconds;
  const start = performance.now();
  let last = 0, half = null, passed = 0;
  while (passed < 1000) {
    await new Promise((done) => setTimeout(done, 10));
    passed = performance.now() - start;
    const apart = Math.abs(pulled.currentTime - first.currentTime);
    if (first.seeking || pulled.seeking || apart > 2 / 24) last = passed;
    if (half === null && passed >= 500) half = apart;
  }
  return [last, half * 1000, before * 1000];
}"""
_SEEK = "(s) => { s.value = 0.3; s.dispatchEvent(new Event('input')); }"
_RUNNING = "() => [...document.querySelectorAll('video')].every((v) => !v.paused && !v.seeking && v.currentTime > 0.6)"


@contextlib.contextmanager
def _burners(count):
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def _measured(stub, count):
    """Of each pull: recovery, distance after half a second, distance before; all in ms."""
    found = []
    for number in range(2 * count):
        stub.page.get_by_test_id("compare-seek").evaluate(_SEEK)
        stub.page.wait_for_function(_RUNNING)
        found.append(stub.page.evaluate(_PULL, _PULL_SECONDS * (-1) ** number))
    return list(zip(*found, strict=True))


def main():
    count = rounds(__doc__, 5)
    table = Table(f"pulled apart by {_PULL_SECONDS * 1000:.0f} ms, ms until within two frames")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        contextlib.closing(StubServer()) as server,
    ):
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGS))
        for name, pair in list(_PAIRS.items())[: 1 if SMALL else None]:
            files = []
            for index, (width, height, frames, audio) in enumerate(pair):
                files.append(Path(folder) / f"{index}.mp4")
                files[-1].write_bytes(render_mp4(Scene(width, height, frames, seed=index, audio=audio)))
            for burners in (0, os.cpu_count() or 1):
                state = "loaded" if burners else "calm"
                with _burners(burners):
                    stub = _playing(browser, server, files)
                    recovery, half, before = _measured(stub, count)
                    stub.page.close()
                table.row(f"{name}, {state}", recovery, "ms", at_most=_LIMIT_MS)
                table.row("  worst", [max(recovery)], "ms", at_most=_LIMIT_MS)
                table.row("  apart after half a second, worst", [max(half)], "ms", at_most=_WITHIN_MS)
                table.row("  apart before, worst", [max(before)], "ms", at_most=_WITHIN_MS)
            if name == next(iter(_PAIRS)):
                stub = _playing(browser, server, files, corrected=False)
                half = _measured(stub, 1)[1]
                table.row("  control: apart after half a second", half, "ms", at_least=2 * _WITHIN_MS)
                stub.page.close()
        browser.close()
    table.print()


def _playing(browser, server, files, *, corrected=True):
    grid = CompareGrid(files, loop=True)
    stub = open_stub(browser, server, grid, None)
    if not corrected:
        stub.page.evaluate("() => { window.setInterval = () => 0; }")
    stub.page.get_by_test_id("compare-play").click()
    stub.exchange(grid)
    return stub


if __name__ == "__main__":
    main()
