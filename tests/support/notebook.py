"""A notebook without a kernel: IPython's own shell, and a front end that keeps what cells show.

It records each drawing with the thread that made it. How a kernel sends them is for the tests of kernels.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@dataclass
class Drawing:
    """One thing that was sent to the front end: an output, or with ``anew`` what takes its place."""

    place: str | None
    bundle: dict[str, str]
    anew: bool
    thread: threading.Thread


@dataclass
class Notebook:
    """What is to be seen: ``cell`` is the id of the cell that runs, and a test may set another; or the end of it."""

    cell: str = "cell-1"
    is_gone: bool = False
    drawings: list[Drawing] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The plain text of each output as it stands, in the order they were opened."""
        newest = {drawing.place: drawing.bundle["text/plain"] for drawing in self.drawings}
        return [newest[drawing.place] for drawing in self.drawings if not drawing.anew]

    def wait_for(self, words: str, seconds: float = 30.0) -> None:
        """Until some output has these words."""
        until = time.monotonic() + seconds
        while not any(words in text for text in self.texts):
            assert time.monotonic() < until, self.texts
            time.sleep(0.01)


class _FrontEnd(DisplayPublisher):
    def publish(self, data, metadata=None, *, transient=None, update=False, **_) -> None:
        if self.shell.notebook.is_gone:
            raise ConnectionError("no front end is there any more")
        place = (transient or {}).get("display_id")
        drawing = Drawing(place, data, update, threading.current_thread())
        self.shell.notebook.drawings.append(drawing)


class _Shell(InteractiveShell):
    kernel = True
    display_pub_class = _FrontEnd

    def get_parent(self):
        return {"header": {"msg_id": self.notebook.cell}}


@pytest.fixture
def notebook():
    """What runs in the test runs in a notebook's cell."""
    InteractiveShell.clear_instance()
    shell = _Shell.instance(config=Config(HistoryManager={"enabled": False}))
    shell.notebook = Notebook()
    yield shell.notebook
    _Shell.clear_instance()
