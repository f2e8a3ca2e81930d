"""How pictures, clips and sounds get in: dropped, chosen as a file, pasted, or named by path or address.

The browser sends a file's bytes by custom message, in parts where it is large, and waits for an answer
after each part. Python checks the input and keeps it as a request has it; nothing of it is a trait. The view
knows an input by a key and by ``pictures``, one small dict each: ``key``, ``name``, ``facts`` in words,
``problems`` in words, and whether there is a thumbnail to ask for.
"""

from __future__ import annotations

import pathlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import anywidget
import traitlets as t

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, MediaError, Problem, error_text
from seedance_widgets.inputs.audio import Audio, audio_problems, load_audio
from seedance_widgets.inputs.image import Image, image_problems, load_image
from seedance_widgets.inputs.video import VideoInput, load_video, video_problems
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.previews import facts_of, facts_of_clip, facts_of_sound, preview_jpeg
from seedance_widgets.widgets.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seedance_widgets.catalog.model import Model

__all__ = ["ClipPicker", "ImagePicker", "InputPicker", "SoundPicker"]

_THUMBNAIL_SIDE = 160


M = TypeVar("M", Image, VideoInput, Audio)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[M]):
    key: int
    medium: M
    thumbnail: bytes | None


class InputPicker(anywidget.AnyWidget, Generic[M]):
    """A place for one input, or for several in an order: pictures, clips or sounds, as the subclass says.

    Parameters
    ----------
    label
        What the input is for, as the form names it.
    multiple
        Whether several are taken; otherwise a new one replaces the last.
    model
        Whose rules the inputs are held to; by default the default model.
    limit
        Most inputs to take; by default 1, or what the model takes as references.

    Attributes
    ----------
    count : int
        How many inputs are kept.
    names : list of str
        Their names, in order.
    """

    _esm = pack_module(pathlib.Path(__file__).with_suffix(".js"))
    _css = join_stylesheet(pathlib.Path(__file__).with_suffix(".css"))

    kind = t.Unicode("image").tag(sync=True)
    label = t.Unicode("Picture").tag(sync=True)
    multiple = t.Bool(False).tag(sync=True)
    limit = t.Int(1).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    names = t.List(t.Unicode()).tag(sync=True)
    pictures = t.List(t.Dict()).tag(sync=True)
    error = t.Unicode("").tag(sync=True)
    model = t.Unicode(None, allow_none=True)

    noun: ClassVar[str]

    def __init__(
        self,
        label: str,
        multiple: bool = False,
        *,
        model: str | None = None,
        limit: int | None = None,
        kind: str = "image",
    ) -> None:
        self._lock = threading.RLock()  # a message may be handled in another thread than a cell runs in
        self._kept: list[_Kept[M]] = []
        self._next_key = 1
        self._uploads = Uploads()
        self._callbacks: list[Callable[[], Any]] = []
        if limit is None:
            limit = self.most_references(model) if multiple else 1
        super().__init__(label=label, multiple=multiple, model=model, limit=limit, kind=kind)
        self.observe(lambda _: self._describe(), ["model", "limit"])
        self.on_msg(self._receive)

    # --- the headless twin -------------------------------------------------------------------------------

    @property
    def media(self) -> list[M]:
        """The inputs in their order; a list of its own."""
        with self._lock:
            return [kept.medium for kept in self._kept]

    @property
    def problems(self) -> list[Problem]:
        """What the service would refuse about the inputs, all of it."""
        with self._lock:
            return [problem for kept in self._kept for problem in self._problems_of(kept.medium)]

    def add(self, source: Any) -> M:
        """Take one more input, or the only one in place of the last.

        Parameters
        ----------
        source
            Anything that a request takes for it. An address is kept as it is, nothing is fetched.

        Raises
        ------
        MediaError
            It cannot be read, is none of its kind, or is damaged.
        InvalidRequest
            There are as many as may be.
        """
        return self._add(self._load(source))

    def remove(self, index: int) -> None:
        """Let go of one input, by its place from 0.

        Raises
        ------
        IndexError
            There is none.
        """
        with self._lock:
            del self._kept[index]
        self._on_change()

    def move(self, index: int, by: int) -> None:
        """Move one input by that many places, as far as there are any.

        Raises
        ------
        IndexError
            There is no input at ``index``.
        """
        with self._lock:
            kept = self._kept.pop(index)
            place = (index % (len(self._kept) + 1)) + by
            self._kept.insert(min(max(place, 0), len(self._kept)), kept)
        self._on_change()

    def clear(self) -> None:
        """Let go of all inputs."""
        with self._lock:
            self._kept.clear()
        self._on_change()

    def on_change(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Call back, without arguments, whenever the inputs or their order change.

        An error of the callback is shown under the widget.

        Returns
        -------
        callable
            Ends the calls.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def most_references(self, model: str | None) -> int:
        """What the model takes, or else the most that any model takes."""
        if model is not None and (taken := self._most_of(catalog.find(model))) is not None:
            return taken
        return max(self._most_of(known) or 1 for known in catalog.models())

    # --- keeping -----------------------------------------------------------------------------------------

    @t.validate("model")
    def _valid_model(self, proposal: Any) -> Any:
        if proposal["value"] is not None:
            catalog.find(proposal["value"])
        return proposal["value"]

    def _refuse_when_full(self) -> None:
        if self.multiple and len(self._kept) >= self.limit:
            reason = f"at most {self.limit} here; remove one first"
            raise InvalidRequest([Problem(self.label, f"{len(self._kept) + 1} {self.noun}s", reason)])

    def _add(self, medium: M) -> M:
        thumbnail = self._thumbnail_of(medium)
        with self._lock:
            self._refuse_when_full()
            if not self.multiple:
                self._kept.clear()
            self._kept.append(_Kept(self._next_key, medium, thumbnail))
            self._next_key += 1
        self._on_change()
        return medium

    def _on_change(self) -> None:
        self.error = ""
        self._describe()
        for callback in tuple(self._callbacks):
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - an error in a widget callback is otherwise lost
                self.error = _words(error)

    def _describe(self) -> None:
        with self._lock:
            kept = tuple(self._kept)
        pictures = [
            {
                "key": one.key,
                "name": one.medium.name,
                "facts": self._facts_of(one.medium),
                "problems": [problem.reason for problem in self._problems_of(one.medium)],
                "thumbnail": one.thumbnail is not None,
            }
            for one in kept
        ]
        with self.hold_sync():
            self.count = len(kept)
            self.names = [one.medium.name for one in kept]
            self.pictures = pictures

    @property
    def _spec(self) -> Model:
        return catalog.find(self.model) if self.model else catalog.default_model()

    # --- what a subclass says of its kind ----------------------------------------------------------------

    def _load(self, source: Any) -> M:
        raise NotImplementedError

    def _load_upload(self, data: bytes, name: str) -> M:
        raise NotImplementedError

    def _facts_of(self, medium: M) -> str:
        raise NotImplementedError

    def _problems_of(self, medium: M) -> Iterable[Problem]:
        raise NotImplementedError

    def _most_of(self, model: Model) -> int | None:
        """Most that a model takes as references, None where it takes none."""
        raise NotImplementedError

    def _thumbnail_of(self, medium: M) -> bytes | None:
        del medium
        return None

    # --- what views ask ----------------------------------------------------------------------------------

    def _receive(self, _: Any, content: Any, buffers: list[memoryview]) -> None:
        if not isinstance(content, dict):
            return
        kind = content.get("kind")
        try:
            if kind == "load":
                self._send_thumbnail(content["id"])
            elif kind == "file":
                self._take_part(content, buffers[0])
            elif kind == "source":
                self.add(_source(content["text"]))
                self.send({"kind": "added", "n": content["n"]})
            elif kind in ("remove", "order"):
                self._arrange(content)
        except Exception as error:  # noqa: BLE001 - a fault in a message handler is otherwise lost
            self._uploads.drop(content.get("n"))
            self.send({"kind": "refused", "n": content.get("n"), "reason": _words(error)})

    def _arrange(self, content: dict[str, Any]) -> None:
        with self._lock:
            keys = [kept.key for kept in self._kept]
        if content["key"] not in keys:
            return  # another view was faster
        index = keys.index(content["key"])
        if content["kind"] == "remove":
            self.remove(index)
        else:
            self.move(index, 1 if content["by"] > 0 else -1)

    def _take_part(self, content: dict[str, Any], part: memoryview) -> None:
        """One part of a file; the last makes it an input."""
        self._refuse_when_full()
        taken = self._uploads.take(content, part)
        if isinstance(taken, int):
            self.send({"kind": "got", "n": content["n"], "bytes": taken})
            return
        name, data = taken
        self._add(self._load_upload(data, name))
        self.send({"kind": "added", "n": content["n"]})

    def _send_thumbnail(self, key: Any) -> None:
        with self._lock:
            thumbnail = next((kept.thumbnail for kept in self._kept if kept.key == key), None)
        if thumbnail is not None:
            self.send({"kind": "loaded", "id": key, "type": "image/jpeg"}, buffers=[thumbnail])


class ImagePicker(InputPicker[Image]):
    """A place for one picture, or for several in an order."""

    noun = "picture"

    def __init__(self, label: str = "First frame", multiple: bool = False, **options: Any) -> None:
        super().__init__(label, multiple, **options)

    @property
    def images(self) -> list[Image]:
        """The pictures in their order; a list of its own."""
        return self.media

    @property
    def image(self) -> Image | None:
        """The first picture, None if there is none."""
        return next(iter(self.images), None)

    def _load(self, source: Any) -> Image:
        return load_image(source)

    def _load_upload(self, data: bytes, name: str) -> Image:
        return replace(load_image(data), name=name)

    def _facts_of(self, medium: Image) -> str:
        return facts_of(medium)

    def _problems_of(self, medium: Image) -> list[Problem]:
        return list(image_problems(self.label, medium, heif=self._spec.heif))

    def _most_of(self, model: Model) -> int | None:
        return model.references.max if model.references else None

    def _thumbnail_of(self, medium: Image) -> bytes | None:
        if medium.data is None or medium.size is None:
            return None
        return preview_jpeg(medium.data, _THUMBNAIL_SIDE, medium.name)


class ClipPicker(InputPicker[VideoInput]):
    """A place for clips: addresses, ``asset://`` ids, and tasks of a studio.

    ``find`` makes a source of what a person typed, such as a task of its key.
    """

    noun = "clip"

    def __init__(
        self, label: str = "Clips", *, find: Callable[[Any], Any] = lambda source: source, **options: Any
    ) -> None:
        self._find = find
        super().__init__(label, multiple=True, kind="video", **options)

    def _load(self, source: Any) -> VideoInput:
        return load_video(self._find(source))

    def _load_upload(self, data: bytes, name: str) -> VideoInput:
        del data
        return load_video(pathlib.Path(name))

    def _take_part(self, content: dict[str, Any], part: memoryview) -> None:
        del part  # no byte of a clip is sent: this refuses it, with the way out
        self._load_upload(b"", pathlib.PurePath(str(content["name"])).name)

    def _facts_of(self, medium: VideoInput) -> str:
        return facts_of_clip(medium)

    def _problems_of(self, medium: VideoInput) -> list[Problem]:
        return list(video_problems(self.label, medium))

    def _most_of(self, model: Model) -> int | None:
        return model.videos.max if model.videos else None


class SoundPicker(InputPicker[Audio]):
    """A place for sounds."""

    noun = "sound"

    def __init__(self, label: str = "Sounds", **options: Any) -> None:
        super().__init__(label, multiple=True, kind="audio", **options)

    def _load(self, source: Any) -> Audio:
        return load_audio(source)

    def _load_upload(self, data: bytes, name: str) -> Audio:
        return replace(load_audio(data), name=name)

    def _facts_of(self, medium: Audio) -> str:
        return facts_of_sound(medium)

    def _problems_of(self, medium: Audio) -> list[Problem]:
        return list(audio_problems(self.label, medium))

    def _most_of(self, model: Model) -> int | None:
        return model.audios.max if model.audios else None


def _source(text: str) -> str:
    """What a person typed or pasted: quotes around a path come with copying it from a file manager."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if not text:
        raise MediaError("type a path or an address first")
    return text


def _words(error: Exception) -> str:
    if isinstance(error, InvalidRequest):
        return "; ".join(f"{problem.parameter}: {problem.reason}" for problem in error.problems)
    return error_text(error)
