"""The id of a home: several homes may share a log, and a folder may be moved or mounted elsewhere."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["home_id"]

_NAME = "home.id"
_BYTES = 8


def home_id(home: Path, *, make: bool) -> str | None:
    """The id that is kept in a home; made for one that has none where ``make`` says so."""
    path = home / _NAME
    part = path.with_suffix(f".{secrets.token_hex(4)}.part")
    with contextlib.suppress(OSError):
        if make and not path.exists():
            part.write_text(secrets.token_hex(_BYTES), encoding="ascii")
            try:
                os.link(part, path)  # whole or not at all, and never over another process's
            except OSError:
                if not path.exists():  # a file system without links
                    part.replace(path)
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").strip() or None
    return None
