"""What a widget's view may ask Python for, and gets by custom message.

Bytes never sit in a synced trait, which a notebook would save. They lie on a `Shelf` under a number, and the
browser asks for that number; so it can ask for nothing that the widget did not offer. Texts too long for
saved state (a prompt of 10,000 characters) lie there as well, behind an excerpt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from anywidget import AnyWidget

__all__ = ["Shelf", "excerpt"]

EXCERPT = 300
_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".jpg": "image/jpeg",
}


def excerpt(text: str, around: int = 0, limit: int = EXCERPT) -> str:
    """At most ``limit`` characters of a text, cut where needed so that the one at ``around`` is in it."""
    if len(text) <= limit:
        return text
    start = max(0, min(around - limit // 4, len(text) - limit))
    return f"{'…' if start else ''}{text[start : start + limit]}{'…' if start + limit < len(text) else ''}"


class Shelf:
    """Files and texts of one widget that its view may ask for, by number.

    Answers ``{"kind": "load", "id": N}`` with ``{"kind": "loaded", "id": N, "type": ...}`` and the bytes as
    a buffer, or with ``{"kind": "failed", "id": N, "reason": ...}``. A file that is written anew gets a new
    number, so that the browser knows it from the one it has.
    """

    def __init__(self, widget: AnyWidget) -> None:
        self._items: dict[int, Path | str] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        widget.on_msg(self._on_request)

    def put(self, item: Path | str, place: int = 0) -> int:
        """A number for a file (`Path`) or a text (`str`); the same for the same, as long as it is unchanged.

        ``place`` tells apart two that show the same file, so that each gets an answer of its own.
        """
        version: tuple[Any, ...] = (item, place)
        if isinstance(item, Path) and item.exists():
            stat = item.stat()
            version = (item, place, stat.st_mtime_ns, stat.st_size)
        number = self._numbers.setdefault(version, len(self._numbers) + 1)
        self._items[number] = item
        return number

    def text(self, text: str, around: int = 0) -> dict[str, Any]:
        """A text for saved state: whole, or an excerpt with the number of the whole and its length."""
        if len(text) <= EXCERPT:
            return {"text": text}
        return {"text": excerpt(text, around), "id": self.put(text), "length": len(text)}

    def _on_request(self, widget: AnyWidget, content: Any, _buffers: Any) -> None:
        if not isinstance(content, Mapping) or content.get("kind") != "load":
            return
        number = content.get("id")
        try:
            item = self._items[cast("int", number)]
            if isinstance(item, Path):
                data, kind = item.read_bytes(), _TYPES.get(item.suffix.lower(), "video/mp4")
            else:
                data, kind = item.encode(), "text/plain"
        except (KeyError, TypeError):
            widget.send({"kind": "failed", "id": number, "reason": "This is not offered any more."})
        except Exception as error:  # noqa: BLE001 - whatever it is, the person who pressed play is told
            reason = f"{getattr(error, 'strerror', None) or error}"
            widget.send({"kind": "failed", "id": number, "reason": reason})
        else:
            widget.send({"kind": "loaded", "id": number, "type": kind}, buffers=[data])
