"""A Gallery of 100 drafts in real JupyterLab and Chromium: how soon it can be used, and the page's memory.

    python tests/benchmarks/gallery.py [--rounds N]

Usable: from the cell that makes and shows the gallery being run until the first verdict, pressed as soon as its
tile is there, is shown as confirmed: over the kernel, into the log on disk, and back. Pictures: from the same
start until every picture in view is drawn. Memory: what the page's renderer process holds (proportional set
size, which counts shared pages by their part) once all 100 posters have been scrolled to and 12 clips played;
beside it the same after a garbage collection, the page before the gallery, and the JavaScript heap. The drafts are one real clip of the embedded
simulator and links to it; Linux only.
"""

# ruff: noqa: E402 - the folders of the tests' own helpers must be on the path first

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from measure import SMALL, Table, rounds

SUPPORT = Path(__file__).parents[1] / "support"
sys.path[:0] = [str(SUPPORT)]

from chromium import ARGS, chromium_path
from lab import Jupyter, served
from playwright.sync_api import sync_playwright

_DRAFTS, _CLIPS = (12, 1) if SMALL else (100, 12)
_USABLE_S, _PAGE_MB = 3, 300
_CELLS = [
    f"""
import sys
sys.path[:0] = [{str(SUPPORT)!r}]
import seedance_widgets as sw
from many_drafts import many_drafts
studio = sw.Studio("runs", simulate=sw.Simulator(speed=500))
drafts = many_drafts(studio, {_DRAFTS})
""",
    "gallery = sw.Gallery(drafts)\ngallery",
    "for task in drafts: sw.run(task.judge(None))",
]
_DRAWN = """() => {
  const grid = document.querySelector(".sw-gallery-grid").getBoundingClientRect();
  return [...document.querySelectorAll(".sw-gallery-poster")].every((img) => {
    const { top, bottom } = img.getBoundingClientRect();
    return top > Math.min(grid.bottom, innerHeight) || bottom < grid.top
      || img.src.startsWith("blob:") && img.complete && img.naturalWidth;
  });
}"""


def _renderer_mb(browser):
    """Proportional set size of the largest renderer of this browser, in MB."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    sizes = []
    for process in processes:
        if process["type"] == "renderer":
            rolled = Path(f"/proc/{process['id']}/smaps_rollup").read_text("utf-8")
            sizes += [
                int(line.split()[1]) * 1024 / 1e6 for line in rolled.splitlines() if line.startswith("Pss:")
            ]
    return max(sizes)


def _heap_mb(page):
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 1e6


def _measured(jupyter, browser):
    with jupyter.opened(_CELLS) as notebook:
        page = notebook.page
        notebook.finish(0)
        notebook.finish(2)
        before = _renderer_mb(browser)
        start = time.perf_counter()
        notebook.run(1)
        first = page.locator(".sw-gallery-tile").first
        first.wait_for()
        first.focus()
        page.keyboard.press(" ")
        page.locator('.sw-gallery-tile[data-verdict="accept"]').wait_for()
        usable = time.perf_counter() - start
        page.wait_for_function(_DRAWN)
        drawn = time.perf_counter() - start
        for number in range(1, _DRAFTS):
            page.keyboard.press("ArrowRight")
            if number % 8 == 0 and number <= 8 * _CLIPS:
                page.keyboard.press("Enter")
                page.wait_for_function(
                    "() => document.querySelector('.sw-gallery-root video')?.currentTime > 0.1"
                )
        page.wait_for_function(
            f"() => document.querySelectorAll('.sw-gallery-poster[src^=blob]').length === {_DRAFTS}"
        )
        seen, heap = _renderer_mb(browser), _heap_mb(page)
        return usable, drawn, seen, _renderer_mb(browser), before, heap


def main():
    count = rounds(__doc__, 5)
    table = Table(f"Gallery of {_DRAFTS} drafts in JupyterLab")
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        for _ in range(count + 1):
            # a browser a round, so that no round holds what another has left
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGS))
            found.append(_measured(Jupyter(*server, browser), browser))
            browser.close()
    usable, drawn, memory, collected, before, heap = zip(*found[1:], strict=True)
    table.row("usable: made, shown, first verdict confirmed", usable, "s", at_most=_USABLE_S)
    table.row("  worst", [max(usable)], "s")
    table.row("every picture in view drawn", drawn, "s")
    table.row(f"page memory, all posters and {_CLIPS} clips seen", memory, "MB", at_most=_PAGE_MB)
    table.row("  worst", [max(memory)], "MB")
    table.row("  after a garbage collection", collected, "MB")
    table.row("  before the gallery", before, "MB")
    table.row("JavaScript's heap", heap, "MB")
    table.print()


if __name__ == "__main__":
    main()
