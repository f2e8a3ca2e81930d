"""The Panel in real JupyterLab and Chromium: how long a press of Generate keeps the kernel, and when a price is shown.

    python tests/benchmarks/browser.py [--rounds N]

Busy: from the kernel's own times on the two status messages, busy and idle, that answer the browser's message; of
Generate both of its messages together, the press and the word that all that was typed has been sent.
What the engine does afterwards, on its thread, is in no such message and no cell waits for it. The control is
a button that sleeps 60 ms in its callback. Prices: from the event on the control, as the browser sends it, until the
price in the page has changed, over the kernel and back; beside them, in turn, the least that such a way takes: an
ipywidgets Dropdown whose observer writes its value into an ipywidgets HTML. Clips are made by the embedded
simulator, in the same kernel. Limits are on the medians; worst cases stand beside them.
"""

# ruff: noqa: E402 - the folders of the tests' own helpers must be on the path first

from __future__ import annotations

import sys
import tempfile
from datetime import datetime
from pathlib import Path

from measure import Table, rounds

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from chromium import ARGS, chromium_path
from lab import Jupyter, served
from pictures import encoded, photo
from playwright.sync_api import sync_playwright

_BUSY_MS, _PRICE_MS = 50, 100
_SLEPT_MS = 60
_CELLS = [
    """
import seedance_widgets as sw
studio = sw.Studio("runs", simulate=sw.Simulator(speed=500))
panel = sw.Panel(studio)
panel
""",
    f"""
import time, ipywidgets
control = ipywidgets.Button(description="control")
control.on_click(lambda _: time.sleep({_SLEPT_MS / 1000}))
bare = ipywidgets.Dropdown(options=["1", "2"], description="bare")
price = ipywidgets.HTML("1")
price.add_class("bare-price")
bare.observe(lambda change: setattr(price, "value", change["new"]), "value")
ipywidgets.VBox([control, bare, price])
""",
]
# keeps every message from and to the kernel that tells of its state, in order
_LISTEN = """() => {
  window.told = [];
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  kernel.anyMessage.connect((_, { msg, direction }) => {
    const { header, parent_header, content } = msg;
    if (direction === "send" && header.msg_type === "comm_msg")
      told.push({ id: header.msg_id, does: content.data.content?.asked ? "typed" : content.data.content?.event });
    if (header.msg_type === "status")
      told.push({ of: parent_header.msg_id, state: content.execution_state, date: String(header.date) });
  });
}"""
_HANDLED = """(acts) => acts.every((act) => {
  const sent = told.find((each) => each.does === act);
  return sent && told.some((each) => each.of === sent.id && each.state === "idle");
})"""
_CHANGED = """async ([name, value]) => {
  const label = [...document.querySelectorAll(".widget-inline-hbox label")].find((each) => each.textContent.trim() === name);
  const control = label.control ?? label.querySelector("input");
  const price = document.querySelector(name === "bare" ? ".bare-price" : ".sw-form-price"), before = price.textContent;
  const shown = new Promise((done, failed) => {
    setTimeout(failed, 10000, Error(`${name} ${value}: the price stays as it is`));
    new MutationObserver((_, observer) => {
      if (price.textContent === before || !price.textContent) return;
      observer.disconnect();
      done(performance.now());
    }).observe(price, { childList: true, subtree: true, characterData: true });
  });
  const start = performance.now();
  if (control.type === "checkbox") control.click();
  else {
    control.value = value;
    control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
  }
  return await shown - start;
}"""
# a control's label, and values in turn, each of which changes the price
_CHANGES = {
    "Resolution": ("480p", "720p"),
    "Ratio": ("1:1", "21:9"),
    "Seconds": ("4", "8"),
    "Sound": ("off", "on"),
}


def _busy(page, press, *acts):
    """Milliseconds of the kernel's time that a press took, with all the messages that it led to."""
    page.evaluate("() => { told.length = 0; }")
    press()
    page.wait_for_function(_HANDLED, arg=acts)
    told = page.evaluate("() => told")
    busy = 0.0
    for act in acts:
        sent = next(each["id"] for each in told if each.get("does") == act)
        times = {
            each["state"]: datetime.fromisoformat(each["date"]) for each in told if each.get("of") == sent
        }
        busy += (times["idle"] - times["busy"]).total_seconds() * 1000
    return busy


def _presses(page, count, *, wait):
    """``count`` presses of Generate, each after the last was sent or, with ``wait``, after its clip is done."""
    button = page.locator(".sw-form-generate")
    found = []
    for _ in range(count):
        page.wait_for_function("() => !document.querySelector('.sw-form-generate').disabled")
        found.append(_busy(page, button.click, "click", "typed"))
        if wait:
            page.locator(".sw-form-status").get_by_text("is done:").wait_for()
    page.wait_for_function("() => !document.querySelector('.sw-form-generate').disabled")
    return found


def _price_rows(table, page, count, where):
    taken = {name: [] for name in ("bare", *_CHANGES)}
    for number in range(2 * count):
        for name, values in _CHANGES.items():
            taken[name].append(page.evaluate(_CHANGED, [name, values[number % 2]]))
        taken["bare"].append(page.evaluate(_CHANGED, ["bare", "21"[number % 2]]))
    for name in _CHANGES:
        table.row(f"{where}: {name}", taken[name], "ms", at_most=_PRICE_MS)
    bare = taken.pop("bare")
    every = [each for name in taken for each in taken[name]]
    table.row("  worst", [max(every)], "ms")
    table.row("  Dropdown to HTML", bare, "ms")
    table.row("  all of ours against it", every, "ms", against=bare * len(taken))


def main():
    count = rounds(__doc__, 10)
    busy = Table("Kernel busy with one press of Generate")
    prices = Table("A control changed, its price in the page")
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        picture = Path(folder) / "photo.jpg"
        picture.write_bytes(encoded(photo(4000, 3000), quality=92))
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGS))
        with Jupyter(*server, browser).opened(_CELLS) as notebook:
            page = notebook.page
            notebook.finish(0)
            notebook.finish(1)
            page.evaluate(_LISTEN)
            page.get_by_label("Prompt", exact=True).fill("A fox looks up, a breeze moves the grass")
            _price_rows(prices, page, count, "text")
            found = _presses(page, count, wait=True)
            busy.row("text, one after another", found, "ms", at_most=_BUSY_MS)
            busy.row("  worst", [max(found)], "ms")
            found = _presses(page, count, wait=False)
            busy.row("text, while clips are being made", found, "ms", at_most=_BUSY_MS)
            busy.row("  worst", [max(found)], "ms")
            page.get_by_label("Mode", exact=True).select_option(label="first frame")
            page.locator(".sw-form input[type=file]").first.set_input_files(str(picture))
            page.get_by_test_id("cropper-window").wait_for()
            _price_rows(prices, page, count, f"first frame of 12 megapixels, {2 * count} tasks")
            found = _presses(page, count, wait=True)
            busy.row("first frame of 12 megapixels", found, "ms", at_most=_BUSY_MS)
            busy.row("  worst", [max(found)], "ms")
            control = page.get_by_role("button", name="control", exact=True)
            slept = [_busy(page, control.click, "click") for _ in range(count)]
            busy.row(f"control: a callback that sleeps {_SLEPT_MS} ms", slept, "ms", at_least=_SLEPT_MS)
        browser.close()
    busy.print()
    prices.print()


if __name__ == "__main__":
    main()
