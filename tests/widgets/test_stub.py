from __future__ import annotations

import asyncio

import pytest
import stub
from stub import axe_violations

WIDGET_JS = """
export default {
  render({ model, el, signal }) {
    const button = document.createElement("button");
    button.dataset.testid = "button";
    button.textContent = model.get("label");
    button.addEventListener("click", () => {
      model.set("count", model.get("count") + 1);
      model.save_changes();
      model.send({ kind: "pressed" }, undefined, [new Uint8Array([1, 2, 3])]);
    }, { signal });
    const renamed = () => { button.textContent = model.get("label"); };
    const told = (content, buffers) => { button.title = content.word + buffers[0].getUint8(1); };
    model.on("change:label", renamed);
    model.on("msg:custom", told);
    signal.addEventListener("abort", () => { model.off("change:label", renamed); model.off("msg:custom", told); });
    el.append(button);
  },
};
"""


@pytest.fixture
def widget_folder(tmp_path, monkeypatch):
    (tmp_path / "press.js").write_text(WIDGET_JS)
    (tmp_path / "press.css").write_text("button { color: var(--jp-brand-color3); }")
    monkeypatch.setattr(stub, "WIDGETS", tmp_path)


def test_the_stub_keeps_what_the_widget_does(widget_folder, stub_page):
    opened = stub_page("press", {"label": "Press", "count": 1})
    button = opened.page.get_by_test_id("button")
    button.click()
    button.click()
    assert opened.state() == {"count": 3}
    assert opened.saves() == 2
    assert opened.sent() == [{"kind": "pressed"}] * 2
    assert opened.buffers() == [b"\1\2\3"]
    opened.set("label", "Again")
    assert button.inner_text() == "Again"
    opened.message({"word": "say"}, [b"\5\6"])
    assert button.get_attribute("title") == "say6"
    opened.abort()
    assert opened.listening() == {}
    button.click()
    assert opened.saves() == 2


def test_axe_sees_a_pale_label_on_white(widget_folder, stub_page):
    opened = stub_page("press", {"label": "Press"}, theme="light")
    assert [line.split(" ")[0] for line in axe_violations(opened.page)] == ["color-contrast"]
    dark = stub_page("press", {"label": "Press"}, theme="dark")
    assert dark.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(33, 33, 33)"


def test_an_error_in_the_page_is_kept(widget_folder, stub_page):
    opened = stub_page("press", {"label": "Press"})
    opened.page.evaluate("() => setTimeout(() => { throw new Error('thrown in the page'); })")
    opened.page.wait_for_timeout(100)
    assert any("thrown in the page" in error for error in opened.errors)
    opened.errors.clear()


async def test_an_event_loop_is_free_after_a_browser_test():
    await asyncio.sleep(0)
