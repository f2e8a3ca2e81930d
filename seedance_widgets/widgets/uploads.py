"""Files that come from a browser in parts, each part a custom message with one buffer.

A part is ``{"n": id, "name": str, "size": bytes of the whole, "at": bytes before this part}``. The view sends
the next one when it has heard of the last, so a kernel that is busy is not flooded.
"""

from __future__ import annotations

import pathlib
from typing import Any

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError

__all__ = ["Uploads"]

_AT_ONCE = 4


class Uploads:
    """What has arrived of the files that are on their way."""

    def __init__(self) -> None:
        self._arrived: dict[str, bytearray] = {}

    def take(self, content: dict[str, Any], part: bytes | memoryview) -> tuple[str, bytes] | int:
        """Add a part.

        Returns
        -------
        tuple of str and bytes, or int
            Name and bytes of the file when it is whole, else how many bytes of it there are.

        Raises
        ------
        MediaError
            The file is too large for a picture, or a part is missing.
        """
        n, size, at = str(content["n"]), int(content["size"]), int(content["at"])
        name = pathlib.PurePath(str(content["name"])).name or "file"
        most = catalog.rules().body_max_bytes
        if size > most:
            raise MediaError(f"{name} has {size:,} bytes; a picture may have {most:,}")
        if at == 0:
            self._arrived[n] = bytearray()
            if len(self._arrived) > _AT_ONCE:  # of a view that was closed meanwhile
                del self._arrived[next(iter(self._arrived))]
        arrived = self._arrived.get(n)
        if arrived is None or len(arrived) != at or at + len(part) > size:
            raise MediaError(f"{name} did not arrive whole; add it again")
        arrived += part
        if len(arrived) < size:
            return len(arrived)
        return name, bytes(self._arrived.pop(n))

    def drop(self, n: Any) -> None:
        """Forget a file."""
        self._arrived.pop(str(n), None)
