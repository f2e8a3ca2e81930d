"""Result files: drawn when first fetched, kept in a folder, the same bytes each time."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.simulator.reading import STAND_IN_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedance_widgets.simulator.render import Scene
    from seedance_widgets.simulator.world import SimulatedTask, World

__all__ = ["Films"]


class Films:
    """Files of succeeded tasks.

    Parameters
    ----------
    world
        Where tasks and pictures are.
    folder
        Where files are kept; None takes a temporary folder that goes with this object.
    """

    def __init__(self, world: World, folder: Path | None) -> None:
        self._world = world
        self._finalizer: Callable[[], object] | None = None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="seedance-simulator-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        if folder is None:
            self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._drawing = threading.Lock()

    def path_of(self, task: SimulatedTask, name: str) -> Path:
        """The file ``video.mp4`` or ``last_frame.png`` of a task, drawn now if need be."""
        from seedance_widgets.simulator.render import last_frame_png, render_mp4

        path = self._folder / f"{task.id}-{name}"
        with self._drawing:
            if not path.exists():
                if name == "video.mp4":
                    data = render_mp4(self._scene(task))
                else:
                    data = last_frame_png(self._video(task))
                part = path.with_suffix(".part")
                part.write_bytes(data)
                os.replace(part, path)  # noqa: PTH105
        return path

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._finalizer:
            self._finalizer()

    def _video(self, task: SimulatedTask) -> bytes:
        from seedance_widgets.simulator.render import render_mp4

        path = self._folder / f"{task.id}-video.mp4"
        return path.read_bytes() if path.exists() else render_mp4(self._scene(task))

    def _scene(self, task: SimulatedTask) -> Scene:
        from seedance_widgets.simulator.render import Scene

        facts = task.facts
        pictures = {
            role: [self._picture(each) for each in facts["pictures"] if each["role"] == role]
            for role in ("first_frame", "last_frame", "reference_image")
        }
        return Scene(
            width=facts["width"],
            height=facts["height"],
            frames=facts["count"],
            seed=facts["seed"],
            prompt=facts["prompt"],
            first_frame=next(iter(pictures["first_frame"]), None),
            last_frame=next(iter(pictures["last_frame"]), None),
            references=tuple(pictures["reference_image"]),
            audio=facts["generate_audio"],
            camera_fixed=facts["camera_fixed"],
            watermark=facts["watermark"],
            draft=facts["draft"],
            ratio=facts["ratio"],
        )

    def _picture(self, picture: Mapping[str, Any]) -> bytes:
        from seedance_widgets.simulator.render import last_frame_png, stand_in_png

        if "sha256" in picture:
            return self._world.picture(str(picture["sha256"]))
        if "last_frame_of" in picture:
            source = self._world.task(str(picture["last_frame_of"]))
            if source is not None:
                return last_frame_png(self._video(source))
        return stand_in_png(str(picture.get("stand_in")), size=STAND_IN_SIZE)
