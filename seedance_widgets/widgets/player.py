"""One clip inline: poster first, bytes when asked for, no sound until asked.

Saved state holds facts and a small poster. The trait ``clip`` is one mapping, so that the browser sees a
change as a whole: what to show (``name``, ``bytes``, ``width``, ``height``, ``fps``, ``duration``,
``audio``), the numbers to ask for it by (``id``; ``save_id`` of the file that the link saves, as
``save_name``), and words (``words`` while there is nothing to play, ``notes``, ``prompt``, ``facts``).
Without a kernel the poster and the words still read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import MediaError
from seedance_widgets.media.video_file import poster_jpeg
from seedance_widgets.task.task import Task
from seedance_widgets.units import bytes_text
from seedance_widgets.widgets.clip_views import Clip, look, notes, poster_url
from seedance_widgets.widgets.following import Follower
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.on_demand import Shelf

if TYPE_CHECKING:
    from seedance_widgets.widgets.clip_views import Source

__all__ = ["VideoPlayer"]

_HERE = Path(__file__)
_POSTER_BYTES = 5_000
_SHARP_WIDTH = 960  # pixels; the player is at most 720 wide
_SHARP_BYTES = 90_000
_NO_SOUND = "VS Code may play this clip without its sound; the saved file has it."


class VideoPlayer(anywidget.AnyWidget):
    """A clip, inline and seekable; a task that still runs shows its status and then its clip.

    The clip's bytes go to the browser when play is pressed; nothing of them is kept in the notebook. Keys:
    space, arrows 1 s, with shift 5 s, ``,`` and ``.`` one frame, ``m`` sound, ``f`` full screen.

    Parameters
    ----------
    source
        A `Task`, the path of a clip, or a row of the log as ``studio.log.to_pandas()`` has it.
    preload
        Fetch the clip as soon as the player is shown, rather than when play is pressed.

    Raises
    ------
    TypeError
        The source is none of these.
    MediaError
        There is no clip at the path. A task or row whose clip is not there says so in the player.

    Examples
    --------
    >>> VideoPlayer(task)  # doctest: +SKIP
    >>> VideoPlayer("runs/media/261122-090344-5mjmy/video.mp4", preload=True)  # doctest: +SKIP
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    clip = traitlets.Dict().tag(sync=True)
    poster = traitlets.Unicode().tag(sync=True)
    preload = traitlets.Bool(False).tag(sync=True)

    def __init__(self, source: Source, *, preload: bool = False) -> None:
        self._lock = threading.Lock()
        self._source, self._seen = source, _look_at(source)
        super().__init__(preload=preload)
        self._shelf = Shelf(self)
        self._follower = Follower(self, self._pending)
        self.on_msg(self._on_request)
        self._take(self._seen)

    def __repr__(self) -> str:
        return f"VideoPlayer({self._seen.label!r})"

    @property
    def source(self) -> Source:
        """What is shown, as it was given."""
        return self._source

    def show(self, source: Source) -> None:
        """Show another clip in the same place.

        Raises
        ------
        TypeError
            It is no `Task`, path or row; what was shown stays.
        MediaError
            There is no clip at the path; what was shown stays.
        """
        seen = _look_at(source)
        self._source = source
        self._take(seen)

    def refresh(self) -> None:
        """Look at the task or file again, and show what has changed."""
        self._take(look(self._source))

    def _take(self, seen: Clip) -> None:
        with self._lock, self.hold_sync():
            self._seen = seen
            facts = self._facts(seen)
            # a poster belongs to its file: not made again for each change of words
            if not facts.get("id") or facts["id"] != self.clip.get("id"):
                self.poster = poster_url(self._source, seen, _POSTER_BYTES)
            self.clip = facts
        self._follower.start()

    def _facts(self, seen: Clip) -> dict[str, Any]:
        facts: dict[str, Any] = {
            **seen.facts(),
            "label": seen.label,
            "facts": _line(seen),
            "notes": notes(seen),
        }
        if seen.prompt:
            facts["prompt"] = self._shelf.text(seen.prompt)
        if seen.file is not None:
            saved = seen.original or seen.file
            facts["id"] = self._shelf.put(seen.file)
            facts["save_id"] = self._shelf.put(saved)
            facts["save_name"] = saved.name
            if seen.original:
                facts["notes"].append("The link saves the original.")
            if facts["audio"] and ("VSCODE_PID" in os.environ or "VSCODE_CWD" in os.environ):
                facts["notes"].append(_NO_SOUND)
        return facts

    def _on_request(self, _: Any, content: Any, __: Any) -> None:
        """A view asks for a better poster than the one that is saved: work that the kernel need not do."""
        if isinstance(content, dict) and content.get("kind") == "poster":
            engine.submit(self._send_poster(content.get("id"), self._seen))

    async def _send_poster(self, number: Any, seen: Clip) -> None:
        if seen.file is None:
            return
        with contextlib.suppress(MediaError, OSError):  # the small one stays
            picture = await asyncio.to_thread(
                poster_jpeg, seen.file, width=_SHARP_WIDTH, max_bytes=_SHARP_BYTES
            )
            self.send({"kind": "poster", "id": number, "type": "image/jpeg"}, buffers=[picture])

    def _pending(self) -> list[Task]:
        return [self._source] if self._seen.waiting and isinstance(self._source, Task) else []


def _look_at(source: Source) -> Clip:
    """As `look`, but a path that a person gives has to lead to a clip."""
    seen = look(source)
    if seen.failed and isinstance(source, str | Path):
        raise MediaError(seen.words)
    return seen


def _line(seen: Clip) -> str:
    """Size, length and bytes, for people."""
    if seen.file is None or seen.probe is None:
        return ""
    return f"{seen.probe.width}x{seen.probe.height} · {seen.duration:.1f} s · {bytes_text(seen.bytes)}"
