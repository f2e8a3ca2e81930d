from __future__ import annotations

import base64

import pytest
from pictures import jpeg
from stub import axe_violations

from seedance_widgets.widgets.input_picker import ImagePicker

# What the browser hands over with a drop or a paste; files by name and base64, or text.
HAND_OVER = """([event, files, texts, target]) => {
  const transfer = new DataTransfer();
  for (const [name, data] of files) {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  for (const [kind, text] of Object.entries(texts)) transfer.setData(kind, text);
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
  const node = document.querySelector(`[data-testid=picker-${target}]`);
  const made = event === "paste" ? new ClipboardEvent(event, options) : new DragEvent(event, options);
  return !node.dispatchEvent(made);
}"""


@pytest.fixture
def opened(stub_page):
    def open_page(*args, theme="light", width=1000, **options):
        picker = ImagePicker(*args, **options)
        return stub_page(picker, theme=theme, width=width), picker

    return open_page


def settle(stub, picker):
    """Carry messages to and fro until the page has no more to say."""
    seen = -1
    while seen != (seen := len(stub.sent())):
        stub.exchange(picker)
        stub.page.wait_for_timeout(60)


def hand_over(stub, event, files=(), target="zone", **texts):
    files = [(name, base64.b64encode(data).decode()) for name, data in files]
    kinds = {"uri": "text/uri-list", "plain": "text/plain"}
    return stub.page.evaluate(
        HAND_OVER, [event, files, {kinds[k]: text for k, text in texts.items()}, target]
    )


def texts(stub, name):
    return stub.page.get_by_test_id(f"picker-{name}").all_inner_texts()


def focused(stub):
    return stub.page.evaluate("document.activeElement.getAttribute('aria-label')")


def files(*names, size=(400, 320)):
    return [{"name": name, "mimeType": "image/jpeg", "buffer": jpeg(*size)} for name in names]


def test_a_chosen_file_becomes_a_thumbnail(opened):
    stub, picker = opened()
    stub.page.get_by_test_id("picker-file").set_input_files(files("fox.jpg"))
    settle(stub, picker)
    assert picker.names == ["fox.jpg"]
    assert texts(stub, "name") == ["fox.jpg"]
    assert texts(stub, "status") == ["fox.jpg added"]
    stub.page.wait_for_function("document.querySelector('li img').naturalWidth === 160")
    # the one picture is replaced, and its thumbnail let go
    stub.page.get_by_test_id("picker-file").set_input_files(files("owl.jpg"))
    settle(stub, picker)
    assert texts(stub, "name") == ["owl.jpg"]
    assert len(stub.live_urls()) == 1
    assert stub.saves() == 0
    stub.abort()
    assert stub.live_urls() == []
    assert stub.listening() == {}
    stub.page.get_by_test_id("picker-remove").click()
    assert stub.sent()[-1]["kind"] != "remove"


def test_a_drop_and_a_paste(opened):
    stub, picker = opened("References", multiple=True, limit=4)
    page = stub.page
    assert hand_over(stub, "dragover")
    assert "sw-picker-over" in page.get_by_test_id("picker-root").get_attribute("class")
    assert hand_over(stub, "drop", [("a.jpg", jpeg()), ("b.jpg", jpeg())])
    assert "sw-picker-over" not in page.get_by_test_id("picker-root").get_attribute("class")
    settle(stub, picker)
    assert hand_over(stub, "paste", [("image.png", jpeg())])
    settle(stub, picker)
    assert picker.names == ["a.jpg", "b.jpg", "image.png"]
    assert texts(stub, "tag") == ["[Image 1]", "[Image 2]", "[Image 3]"]
    assert hand_over(stub, "drop", uri="https://example.com/owl.png")
    settle(stub, picker)
    assert picker.names[-1] == "owl.png"
    assert texts(stub, "label") == ["References (4 of at most 4)"]


def test_a_paste_of_text_into_the_field_stays_there(opened):
    stub, picker = opened()
    assert not hand_over(stub, "paste", target="source", plain="/a/fox.png")
    assert stub.sent() == []
    assert hand_over(stub, "paste", target="source", files=[("fox.png", jpeg())])
    settle(stub, picker)
    assert picker.names == ["fox.png"]
    assert hand_over(stub, "paste", plain="https://example.com/owl.png")
    settle(stub, picker)
    assert picker.names == ["owl.png"]


def test_a_path_typed(opened, tmp_path):
    path = tmp_path / "fox.jpg"
    path.write_bytes(jpeg())
    stub, picker = opened()
    field = stub.page.get_by_test_id("picker-source")
    field.fill("/no/such/fox.jpg")
    field.press("Enter")
    settle(stub, picker)
    assert "cannot read the picture /no/such/fox.jpg" in texts(stub, "error")[0]
    assert field.input_value() == "/no/such/fox.jpg"
    field.fill(str(path))
    stub.page.get_by_test_id("picker-add").click()
    settle(stub, picker)
    assert picker.names == ["fox.jpg"]
    assert texts(stub, "error") == [""]
    assert field.input_value() == ""
    assert texts(stub, "status") == [f"{path} added"]
    stub.page.get_by_test_id("picker-add").click()
    assert focused(stub) == "First frame: path or address"


def test_a_large_file_goes_in_parts_with_progress(opened):
    stub, picker = opened()
    data = jpeg() + b"\0" * 4_500_000
    stub.page.get_by_test_id("picker-file").set_input_files(
        {"name": "fox.jpg", "mimeType": "image/jpeg", "buffer": data}
    )
    stub.page.wait_for_function("stub.sent(0).length === 1")
    assert texts(stub, "status")[0] == f"Sending fox.jpg: 0.0 of {len(data) / 1e6:.1f} MB"
    stub.exchange(picker)
    stub.page.wait_for_function("stub.sent(0).length === 2")
    assert texts(stub, "status")[0].startswith("Sending fox.jpg: 4.2 of ")
    settle(stub, picker)
    assert [message["at"] for message in stub.sent()[:2]] == [0, 4194304]
    assert picker.image.data == data
    assert texts(stub, "status") == ["fox.jpg added"]


def test_more_than_fit(opened):
    stub, picker = opened()
    stub.page.get_by_test_id("picker-root").wait_for()
    assert hand_over(stub, "drop", [(f"{n}.jpg", jpeg()) for n in "abc"])
    settle(stub, picker)
    assert picker.names == ["a.jpg"]
    assert texts(stub, "error") == ["2 left out: one picture is taken here."]
    stub.page.get_by_test_id("picker-file").set_input_files(files("d.jpg"))
    settle(stub, picker)
    assert texts(stub, "error") == [""]


def test_every_refusal_of_a_batch_is_read(opened):
    stub, picker = opened("References", multiple=True, limit=3)
    bad = b"no picture"
    hand_over(
        stub, "drop", [("<b>a</b>", bad), ("b.jpg", jpeg()), ("c", bad), ("d.jpg", jpeg())], target="root"
    )
    settle(stub, picker)
    assert picker.names == ["b.jpg"]
    lines = texts(stub, "error")[0].split("\n")
    assert lines[0] == "1 left out: at most 3 pictures are taken here."
    assert [line for line in lines if "not a picture" in line] == lines[1:]
    assert len(lines) == 3


def test_order_and_remove_keep_the_focus(opened):
    stub, picker = opened("References", multiple=True, limit=4)
    for _ in range(3):
        picker.add(jpeg(400, 320))
    stub.exchange(picker)
    settle(stub, picker)
    first, second, third = (picture["key"] for picture in picker.pictures)
    assert stub.page.get_by_test_id("picker-left").first.is_disabled()
    assert stub.page.get_by_test_id("picker-right").last.is_disabled()
    stub.page.get_by_label("Move Image 1 to the right").focus()
    for _ in range(2):
        stub.page.keyboard.press("Enter")
        settle(stub, picker)
    assert [picture["key"] for picture in picker.pictures] == [second, third, first]
    assert focused(stub) == "Move Image 3 to the left"
    stub.page.get_by_label("Remove Image 3").press("Enter")
    settle(stub, picker)
    assert [picture["key"] for picture in picker.pictures] == [second, third]
    assert focused(stub) == "Remove Image 2"
    for _ in range(2):
        stub.page.keyboard.press("Enter")
        settle(stub, picker)
    assert picker.count == 0
    assert focused(stub) == "References: drop or paste a picture here"
    # a thumbnail is asked for once, however often the list is drawn
    asked = [message["id"] for message in stub.sent() if message["kind"] == "load"]
    assert asked == [first, second, third]


def test_what_the_service_would_refuse_is_said(opened):
    stub, picker = opened()
    stub.page.get_by_test_id("picker-file").set_input_files(files("fox.jpg", size=(200, 900)))
    settle(stub, picker)
    assert "each side is 301 to 5999 px" in texts(stub, "problem")[0]


def test_a_second_view_shows_the_same(opened, stub_page):
    stub, picker = opened()
    picker.add(jpeg())
    stub.exchange(picker)
    other = stub_page(picker)
    other.exchange(picker)
    assert texts(other, "name") == texts(stub, "name") == ["bytes"]
    other.page.wait_for_function("document.querySelector('li img').naturalWidth > 0")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(opened, theme):
    stub, picker = opened("References", multiple=True, limit=2, theme=theme, width=320)
    picker.add(jpeg(200, 900))
    picker.add("https://example.com/owl.png")
    stub.exchange(picker)
    hand_over(stub, "drop", [("c.jpg", jpeg())])
    settle(stub, picker)
    assert "left out" in texts(stub, "error")[0]
    assert axe_violations(stub.page) == []
    hand_over(stub, "dragover")
    assert axe_violations(stub.page) == []
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_every_control_is_reached_by_tab(opened):
    stub, picker = opened()
    picker.add(jpeg())
    stub.exchange(picker)
    reached = []
    for _ in range(5):
        stub.page.keyboard.press("Tab")
        reached.append(stub.page.evaluate("document.activeElement.dataset.testid"))
        # on the element itself: Notebook 7 moves between cells by its arrow keys otherwise
    assert reached == [f"picker-{name}" for name in ("zone", "file", "source", "add", "remove")]
