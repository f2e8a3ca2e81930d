"""The files of a task, in a folder that people can see: saved whole, hashed, probed, with a small poster.

``media/<key>/video.mp4``, ``last_frame.png`` and ``poster.jpg``; input pictures and sounds once each under
``inputs/<sha256>.<ext>``. All paths that leave this module are relative to the home, with ``/``.
A clip whose codec no browser plays keeps its original beside an H.264 ``preview.mp4``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, TypedDict

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.audio import Audio
from seedance_widgets.inputs.image import Image
from seedance_widgets.media.video_file import PLAYABLE_CODECS, check_whole, make_preview, poster_jpeg, probe
from seedance_widgets.units import relative_path

if TYPE_CHECKING:
    from pathlib import Path

    from seedance_widgets.modelark.client import Client
    from seedance_widgets.request.task_request import TaskRequest

__all__ = ["Files", "Media", "is_as_stored"]


class Files(TypedDict, total=False):
    """Columns of a task's row that its files give; paths are relative to the home."""

    video_path: str
    last_frame_path: str
    poster_path: str
    preview_path: str
    sha256: str
    width: int
    height: int
    frames: int
    trouble: str


class Media:
    """Files of one home.

    Parameters
    ----------
    home
        The studio's folder; stored paths are relative to it.
    folder
        Where clips go, ``home/media`` by default.
    """

    def __init__(self, home: Path, folder: Path | None = None) -> None:
        self._home = home
        self._folder = folder or home / "media"

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""
        return None if stored is None else (self._home / stored).resolve()

    def keep_inputs(self, request: TaskRequest) -> dict[str, str]:
        """Write a request's pictures and sounds once each; sha256 -> stored path.

        Raises
        ------
        MediaError
            They cannot be written; nothing was sent.
        """
        media = [medium for _, given in request.media() for medium in given]
        return {
            medium.sha256: self._keep(medium)
            for medium in media
            if isinstance(medium, Image | Audio) and medium.sha256
        }

    async def save(
        self, client: Client, key: str, video_url: str, last_frame_url: str | None
    ) -> tuple[Files, bool]:
        """Fetch a task's files and look into the clip.

        Returns
        -------
        tuple of Files and bool
            Columns of its row; and whether the clip is whole. What arrived and is no clip, or ends too early,
            is kept: it may be had better.

        Raises
        ------
        DownloadError
            A file did not arrive whole; nothing half-done carries its final name.
        MediaError
            There is no folder to put them in.
        """
        folder = self._folder / key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"the folder {folder} cannot be made: {error}; nothing was saved") from error
        _clear(folder)
        video = folder / "video.mp4"
        fetched = await client.download(video_url, video)
        # The clip is what was paid for: nothing that goes wrong from here on may unsave it.
        files: Files = {"video_path": self._relative(video), "sha256": fetched.sha256}
        lacking, whole = [], True
        if last_frame_url:
            last_frame = folder / "last_frame.png"
            try:
                await client.download(last_frame_url, last_frame)
                files["last_frame_path"] = self._relative(last_frame)
            except MediaError as error:
                lacking.append(f"no last frame: {error}")
        try:
            described, trouble = await asyncio.to_thread(self._describe, video)
            files |= described
        except MediaError as error:
            trouble, whole = str(error), False
        lacking += [trouble] if trouble else []
        if lacking:
            files["trouble"] = "; ".join(lacking)
        return files, whole

    def _describe(self, video: Path) -> tuple[Files, str | None]:
        """Columns that are read from the clip, and what went wrong with a clip that is whole."""
        columns: Files = {}
        is_whole = check_whole(video)
        try:
            facts = probe(video)
        except MediaError as error:
            if not is_whole:
                raise
            return columns, str(error)
        columns |= {"width": facts.width, "height": facts.height, "frames": facts.frames}
        try:
            poster = video.with_name("poster.jpg")
            poster.write_bytes(poster_jpeg(video))
            columns["poster_path"] = self._relative(poster)
            if facts.codec not in PLAYABLE_CODECS:
                preview = video.with_name("preview.mp4")
                make_preview(video, preview)
                columns["preview_path"] = self._relative(preview)
        except (MediaError, OSError) as error:
            return columns, str(error)
        return columns, None

    def _keep(self, medium: Image | Audio) -> str:
        assert medium.data is not None
        path = self._home / "inputs" / f"{medium.sha256}.{medium.format}"
        if not is_as_stored(path):
            part = path.with_suffix(f".{secrets.token_hex(4)}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with part.open("wb") as file:
                    file.write(medium.data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            except OSError as error:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise MediaError(
                    f"the input {medium.name} cannot be stored in {path.parent}: {error}. Nothing was sent."
                ) from error
        return self._relative(path)

    def _relative(self, path: Path) -> str:
        return relative_path(path, self._home)


def is_as_stored(path: Path) -> bool:
    """Whether a stored input is there and still what it was: its name is its hash."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == path.stem
    except OSError:
        return False


def _clear(folder: Path) -> None:
    """Remove what a download left that was cut off with its process; a task has one saver at a time."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            part.unlink()
