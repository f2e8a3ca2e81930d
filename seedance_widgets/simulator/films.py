"""Result files: drawn when first fetched, two at a time, kept in a folder, the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.simulator.reading import STAND_IN_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedance_widgets.simulator.render import Scene
    from seedance_widgets.simulator.state import SimulatedTask, World

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
        # x264 lets go of the interpreter: as many at once as there are cores, but no more than two
        self._places = threading.BoundedSemaphore(min(2, os.cpu_count() or 1))
        # a lock lives as long as somebody draws under it
        self._locks: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
        self._at_locks = threading.Lock()

    def path_of(self, task: SimulatedTask, name: str) -> Path:
        """The file ``video.mp4`` or ``last_frame.png`` of a task, drawn now if need be; for any thread."""
        from seedance_widgets.simulator.render import last_frame_png

        path = self._folder / f"{task.id}-{name}"
        if path.exists():
            return path
        if name == "video.mp4":
            drawn = self._draw(self._scene(task))
            try:
                os.link(drawn, path)
            except FileExistsError:
                pass  # somebody else was quicker
            except OSError:  # a file system without links
                _write(path, drawn.read_bytes())
            return path
        # before it has a place: two that hold one each would wait for each other's clip
        video = self.path_of(task, "video.mp4")
        return self._make(path, lambda: last_frame_png(video.read_bytes()))

    def _draw(self, scene: Scene) -> Path:
        """The clip of a scene: the same one is drawn once, whoever ordered it and however many at once."""
        from seedance_widgets.simulator.render import render_mp4

        return self._make(self._folder / f"scene-{_digest(scene)}.mp4", lambda: render_mp4(scene))

    def _make(self, path: Path, draw: Callable[[], bytes]) -> Path:
        """The file, drawn once however many ask for it at once."""
        with self._at_locks:
            lock = self._locks.setdefault(path.name, threading.Lock())
        with lock:
            if not path.exists():
                with self._places:
                    _write(path, draw())
        return path

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._finalizer:
            self._finalizer()

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
                return last_frame_png(self.path_of(source, "video.mp4").read_bytes())
        return stand_in_png(str(picture.get("stand_in")), size=STAND_IN_SIZE)


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(f".{secrets.token_hex(4)}.part")
    part.write_bytes(data)
    os.replace(part, path)  # noqa: PTH105


def _digest(scene: Scene) -> str:
    """What tells a scene from every other, as a name of a file."""
    digest = hashlib.sha256()
    for each in fields(scene):
        value = getattr(scene, each.name)
        for part in value if isinstance(value, tuple) else (value,):
            digest.update(hashlib.sha256(part if isinstance(part, bytes) else repr(part).encode()).digest())
        digest.update(each.name.encode())
    return digest.hexdigest()[:32]
