"""Whether an MP4 file is all there, by the sizes that its boxes state.

A connection that just closes, without a length announced before, looks like the end of a file; and a clip
whose index comes first plays on without its second half. The boxes tell: each starts with its size in bytes
and its four-letter kind (ISO/IEC 14496-12, 4.2), and together they are the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_whole"]

_HEAD = 8  # bytes: size and kind
_LONG_HEAD = 16  # where the size is 1 and the true one follows
_MOST_BOXES = 10_000


def check_whole(path: Path) -> bool:
    """Refuse an MP4 that ends too early; whether the file is a whole one, and not of another kind.

    Raises
    ------
    MediaError
        The file ends inside a box, or has no index, or cannot be read.
    """
    try:
        kinds = _kinds(path)
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read: {error}") from error
    if kinds and b"moov" not in kinds:
        raise MediaError(f"{path.name} is cut off: it has no index")
    return bool(kinds)


def _kinds(path: Path) -> set[bytes]:
    """Of the boxes of an MP4; none for a file of another kind."""
    kinds: set[bytes] = set()
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        start = 0
        for _ in range(_MOST_BOXES):
            if start == end:
                break
            file.seek(start)
            head = file.read(_LONG_HEAD)
            size, kind = int.from_bytes(head[:4]), head[4:_HEAD]
            if start == 0 and kind != b"ftyp":
                return kinds
            least = _HEAD
            if size == 0:  # to the end of the file
                size = end - start
            elif size == 1:
                size, least = int.from_bytes(head[_HEAD:]), _LONG_HEAD
            if size < least or start + size > end:
                raise MediaError(f"{path.name} is cut off: it ends inside a part that starts at {start}")
            kinds.add(kind)
            start += size
    return kinds
