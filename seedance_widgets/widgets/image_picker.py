"""How pictures get in: dropped, chosen as a file, pasted, or named by path or address.

The browser sends a file's bytes by custom message, in parts where it is large, and waits for an answer
after each part. Python checks the picture and keeps it as an `inputs.image.Image`; nothing of it is a trait.
The view knows a picture by a key and by ``pictures``, one small dict each: ``key``, ``name``, ``facts`` in
words, ``problems`` in words, and whether there is a thumbnail to ask for.
"""

from __future__ import annotations

import pathlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets as t

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, MediaError, Problem, error_text
from seedance_widgets.inputs.image import Image, image_problems, load_image
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.previews import facts_of, preview_jpeg
from seedance_widgets.widgets.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ImagePicker"]

_THUMBNAIL_SIDE = 160


@dataclass(frozen=True, slots=True)
class _Kept:
    key: int
    image: Image
    thumbnail: bytes | None


class ImagePicker(anywidget.AnyWidget):
    """A place for one picture, or for several in an order.

    Parameters
    ----------
    label
        What the picture is for, as the form names it.
    multiple
        Whether several are taken; otherwise a new picture replaces the last.
    model
        Whose rules the pictures are held to; by default the default model.
    limit
        Most pictures to take; by default 1, or what the model takes as references.

    Attributes
    ----------
    count : int
        How many pictures are kept.
    names : list of str
        Their names, in order.
    """

    _esm = pack_module(pathlib.Path(__file__).with_suffix(".js"))
    _css = join_stylesheet(pathlib.Path(__file__).with_suffix(".css"))

    label = t.Unicode("Picture").tag(sync=True)
    multiple = t.Bool(False).tag(sync=True)
    limit = t.Int(1).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    names = t.List(t.Unicode()).tag(sync=True)
    pictures = t.List(t.Dict()).tag(sync=True)
    error = t.Unicode("").tag(sync=True)
    model = t.Unicode(None, allow_none=True)

    def __init__(
        self,
        label: str = "First frame",
        multiple: bool = False,
        *,
        model: str | None = None,
        limit: int | None = None,
    ) -> None:
        self._lock = threading.RLock()  # a message may be handled in another thread than a cell runs in
        self._kept: list[_Kept] = []
        self._next_key = 1
        self._uploads = Uploads()
        self._callbacks: list[Callable[[], Any]] = []
        if limit is None:
            limit = _most_references(model) if multiple else 1
        super().__init__(label=label, multiple=multiple, model=model, limit=limit)
        self.observe(lambda _: self._describe(), ["model", "limit"])
        self.on_msg(self._receive)

    # --- the headless twin -------------------------------------------------------------------------------

    @property
    def images(self) -> list[Image]:
        """The pictures in their order; a list of its own."""
        with self._lock:
            return [kept.image for kept in self._kept]

    @property
    def image(self) -> Image | None:
        """The first picture, None if there is none."""
        return next(iter(self.images), None)

    @property
    def problems(self) -> list[Problem]:
        """What the service would refuse about the pictures, all of it."""
        with self._lock:
            return [problem for kept in self._kept for problem in self._problems_of(kept)]

    def add(self, source: Any) -> Image:
        """Take one more picture, or the only one in place of the last.

        Parameters
        ----------
        source
            Anything `inputs.image.load_image` takes. An address is kept as it is, nothing is fetched.

        Raises
        ------
        MediaError
            It cannot be read, is no picture, or is damaged.
        InvalidRequest
            There are as many as may be.
        """
        return self._add(load_image(source))

    def remove(self, index: int) -> None:
        """Let go of one picture, by its place from 0.

        Raises
        ------
        IndexError
            There is none.
        """
        with self._lock:
            del self._kept[index]
        self._on_change()

    def move(self, index: int, by: int) -> None:
        """Move one picture by that many places, as far as there are any.

        Raises
        ------
        IndexError
            There is no picture at ``index``.
        """
        with self._lock:
            kept = self._kept.pop(index)
            place = (index % (len(self._kept) + 1)) + by
            self._kept.insert(min(max(place, 0), len(self._kept)), kept)
        self._on_change()

    def clear(self) -> None:
        """Let go of all pictures."""
        with self._lock:
            self._kept.clear()
        self._on_change()

    def on_change(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Call back, without arguments, whenever the pictures or their order change.

        An error of the callback is shown under the widget.

        Returns
        -------
        callable
            Ends the calls.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    # --- keeping -----------------------------------------------------------------------------------------

    @t.validate("model")
    def _valid_model(self, proposal: Any) -> Any:
        if proposal["value"] is not None:
            catalog.find(proposal["value"])
        return proposal["value"]

    def _refuse_when_full(self) -> None:
        if self.multiple and len(self._kept) >= self.limit:
            reason = f"at most {self.limit} here; remove one first"
            raise InvalidRequest([Problem(self.label, f"{len(self._kept) + 1} pictures", reason)])

    def _add(self, image: Image) -> Image:
        thumbnail = None
        if image.data is not None and image.size is not None:
            thumbnail = preview_jpeg(image.data, _THUMBNAIL_SIDE, image.name)
        with self._lock:
            self._refuse_when_full()
            if not self.multiple:
                self._kept.clear()
            self._kept.append(_Kept(self._next_key, image, thumbnail))
            self._next_key += 1
        self._on_change()
        return image

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
                "name": one.image.name,
                "facts": facts_of(one.image),
                "problems": [problem.reason for problem in self._problems_of(one)],
                "thumbnail": one.thumbnail is not None,
            }
            for one in kept
        ]
        with self.hold_sync():
            self.count = len(kept)
            self.names = [one.image.name for one in kept]
            self.pictures = pictures

    def _problems_of(self, kept: _Kept) -> list[Problem]:
        spec = catalog.find(self.model) if self.model else catalog.default_model()
        return list(image_problems(self.label, kept.image, heif=spec.heif))

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
        """One part of a file; the last makes it a picture."""
        self._refuse_when_full()
        taken = self._uploads.take(content, part)
        if isinstance(taken, int):
            self.send({"kind": "got", "n": content["n"], "bytes": taken})
            return
        name, data = taken
        self._add(replace(load_image(data), name=name))
        self.send({"kind": "added", "n": content["n"]})

    def _send_thumbnail(self, key: Any) -> None:
        with self._lock:
            thumbnail = next((kept.thumbnail for kept in self._kept if kept.key == key), None)
        if thumbnail is not None:
            self.send({"kind": "loaded", "id": key, "type": "image/jpeg"}, buffers=[thumbnail])


def _most_references(model: str | None) -> int:
    """What the model takes, or else the most that any model takes."""
    if model is not None and (taken := catalog.find(model).references) is not None:
        return taken.max
    return max((known.references.max for known in catalog.models() if known.references), default=1)


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
