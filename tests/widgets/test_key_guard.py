"""Keys typed into a widget are no commands of the notebook, whichever part has the focus.

A notebook asks of whatever has the focus whether it wants its keys for itself, by an attribute, and asks on the
document, before the widget hears of the key. What real front ends make of it: browser/test_keys_stay.py.
"""

from __future__ import annotations

import io

import pytest
from many_drafts import many_drafts
from PIL import Image
from rating import Study

import seedance_widgets as sw
from seedance_widgets.simulator.render import Scene, render_mp4
from seedance_widgets.widgets.input_picker import ImagePicker

# of each part that can have the focus, the keys that a notebook would take as its own
TAKEN = """() => {
  const parts = [...document.querySelectorAll("#root :is(button, input, select, a, video, [tabindex='0'])")]
    .filter((part) => part.checkVisibility() && !part.disabled && (part.tabIndex >= 0 || part.tagName === "VIDEO"));
  const taken = [];
  const asked = (event) => { if (!event.target.hasAttribute("data-lm-suppress-shortcuts")) taken.push(event.key); };
  const press = (part, key, how = {}) => {
    taken.length = 0;
    part.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...how }));
    return taken.length;
  };
  document.addEventListener("keydown", asked, true);
  const wrong = [];
  for (const part of parts) {
    for (const key of [" ", "d", "x", "m", "0", "a", "b", "ArrowUp", "ArrowRight", "Enter"])
      if (press(part, key)) wrong.push(`${part.dataset.testid} gives away ${key}`);
    for (const how of [{ ctrlKey: true }, { metaKey: true }])
      if (!press(part, "s", how)) wrong.push(`${part.dataset.testid} keeps the notebook from being saved`);
    if (!press(part, "Enter", { shiftKey: true })) wrong.push(`${part.dataset.testid} keeps a cell from being run`);
  }
  document.removeEventListener("keydown", asked, true);
  return [parts.length, wrong];
}"""


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "JPEG")
    return out.getvalue()


def player(folder, studio):
    return sw.VideoPlayer(clip(folder, 1))


def grid(folder, studio):
    return sw.CompareGrid([clip(folder, 1), clip(folder, 2)])


def cropper(folder, studio):
    return sw.ImageCropper(jpeg(), "21:9")


def picker(folder, studio):
    picker = ImagePicker("References", multiple=True)
    for _ in range(2):
        picker.add(jpeg())
    return picker


def board(folder, studio):
    sw.run(studio.generate("a fox", resolution="480p", ratio="1:1", duration=4, generate_audio=False))
    return sw.TaskBoard(studio)


def clip(folder, number):
    path = folder / f"{number}.mp4"
    path.write_bytes(render_mp4(Scene(160, 96, 24, seed=number, audio=True)))
    return path


def gallery(folder, studio):
    return sw.Gallery(many_drafts(studio, 2))


def rater(folder, studio):
    return sw.BlindRater(Study.made(folder / "study", 2))


@pytest.mark.parametrize(
    ("make", "least"),
    [(player, 4), (grid, 9), (cropper, 5), (picker, 8), (board, 5), (gallery, 9), (rater, 8)],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_keys_stay_in_the_widget(stub_page, tmp_path, studio, make, least):
    widget = make(tmp_path, studio)
    stub = stub_page(widget)
    stub.exchange(widget)
    count, wrong = stub.page.evaluate(TAKEN)
    assert count >= least
    assert wrong == []
    stub.abort()
    widget.close()
