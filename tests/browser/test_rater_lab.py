"""A study rated in JupyterLab by keyboard alone: what the browser gets to know, and a kernel that is killed."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.sync_api import expect

import seedance_widgets as sw

# Whoever rates is given this file by whoever made the study, and does not look into it.
MADE = """
import seedance_widgets as sw
studio = sw.Studio({home!r}, simulate=sw.Simulator(speed=500))
study = studio.study(
    "meadow",
    arms={{"armplain": "{{item}}", "armcamera": "{{item}}, dollywards"}},
    items=["itemfox", "itemhare", "itemowl", "itemelk", "itembee", "itemcrow", "itemseal", "itemmole", "itemswan", "itemlynx"],
    seeds=[777001],
    model="seedance-1-0-pro", resolution="480p", ratio="1:1", frames=29,
)
"""
CELL = """
import seedance_widgets as sw
from {module} import study
rater = sw.BlindRater(study, rater="ana")
rater
"""
PID = "import os; print(os.getpid())"
SECRETS = ("arm", "armplain", "armcamera", "dollywards", "777001", "SIMULATED", "video.mp4", "x264")


class Wire:
    """All that passes between a page and the server, both ways."""

    def __init__(self) -> None:
        self.passed: list[bytes] = []

    def __call__(self, page) -> None:
        page.on("request", lambda request: self._take(request.url, request.post_data_buffer))
        page.on("websocket", self._listen)

    def _listen(self, socket) -> None:
        self._take(socket.url)
        socket.on("framesent", self._take)
        socket.on("framereceived", self._take)

    def _take(self, *parts) -> None:
        self.passed += [part.encode() if isinstance(part, str) else part for part in parts if part]


@pytest.fixture(scope="session")
def meadow(jupyter_server):
    """A finished study in the server's folder: its home, and the module that opens it."""
    folder = jupyter_server[0]
    home, module = folder / "runs-meadow", "the_study"
    (folder / f"{module}.py").write_text(MADE.format(home=str(home)))
    names: dict = {}
    exec(compile(MADE.format(home=str(home)), module, "exec"), names)
    sw.run(names["study"].run())
    rows = names["studio"].log.to_pandas()
    assert (rows["file"] == "saved").sum() == 20
    told = [*rows.index, *rows["task_id"], *rows["sha256"]]
    yield names["study"], module, told
    names["studio"].close()


class Rating:
    """What a person does with the rater in a notebook: only keys."""

    def __init__(self, notebook) -> None:
        self.notebook, self.page = notebook, notebook.page

    def part(self, name):
        return self.page.get_by_test_id(f"rater-{name}").last

    def begin(self):
        self.notebook.finish(0)
        expect(self.part("stage")).to_have_attribute("data-shown", "true", timeout=30_000)
        self.part("root").focus()
        self.page.keyboard.press("Space")

    def vote(self, key):
        expect(self.part("left")).to_have_attribute("aria-disabled", "false", timeout=30_000)
        self.page.keyboard.press(key)

    def at(self, place, total):
        expect(self.part("count")).to_have_text(f"{place} of {total}", timeout=30_000)


def test_a_study_by_keyboard_alone_through_a_killed_kernel(jupyter, meadow):
    study, module, told = meadow
    done, total = study.progress("ana")
    assert (done, total) == (0, 12), "ten pairs, a pair of the same clip, and a pair once again"
    pages, wire = [], Wire()
    with jupyter.opened([CELL.format(module=module), PID], listen=wire) as notebook:
        rating = Rating(notebook)
        notebook.finish(1)
        rating.begin()
        for place in range(1, 6):
            rating.at(place, total)
            pages.append(notebook.page.content())
            rating.vote("123"[place % 3])
        rating.at(6, total)
        assert study.progress("ana") == (5, total)
        expect(rating.part("left")).to_have_attribute("aria-disabled", "false", timeout=30_000)
        os.kill(int(notebook.text(1)), signal.SIGKILL)
        rating.part("root").focus()
        notebook.page.keyboard.press("1")
        expect(rating.part("status")).to_contain_text("run the cell again", timeout=15_000)
        notebook.page.keyboard.press("2")
        pages.append(notebook.page.content())
        saved = study.progress("ana")[0]
        assert saved == 5, "what was confirmed is there, and nobody votes without a kernel"
        notebook.save()
        written = notebook.path.read_text()
        notebook.open()
        rating.begin()
        for place in range(saved + 1, total + 1):
            rating.at(place, total)
            pages.append(notebook.page.content())
            rating.vote("123"[place % 3])
        expect(rating.part("status")).to_have_text(
            "Thank you. Your votes on 12 pairs are saved.", timeout=30_000
        )
        pages.append(notebook.page.content())
        notebook.save()
        written += notebook.path.read_text()
    assert study.progress("ana") == (total, total)
    everything = b"\n".join([*wire.passed, written.encode(), *(page.encode() for page in pages)])
    assert everything.count(b"ftypisom") >= 2 * total, "the clips came by here"
    assert b"BlindRater" in everything
    secrets = [*SECRETS[1:], *study.items, *told, str(study._runtime.absolute("media"))]
    assert not [word for word in secrets if word.encode() in everything]


def test_a_kernel_that_is_started_anew_is_told(jupyter, meadow):
    study, module, _ = meadow
    before = study.progress("ana")
    with jupyter.opened([CELL.format(module=module).replace('"ana"', '"ben"')]) as notebook:
        rating = Rating(notebook)
        rating.begin()
        notebook.page.evaluate(
            "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        expect(rating.part("status")).to_contain_text("The kernel is gone.", timeout=30_000)
        expect(rating.part("work")).to_be_hidden()
        notebook.page.keyboard.press("0")
        rating.begin()
        rating.at(1, before[1])
