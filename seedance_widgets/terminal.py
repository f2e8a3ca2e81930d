"""Words for a terminal: a line that is printed whatever the output is, and text that only shows itself.

Where nothing can be printed (a closed or broken pipe, a full disk, an encoding that lacks the characters),
the work that is told of goes on all the same.
"""

from __future__ import annotations

import re
import sys

__all__ = ["printable", "say"]

# control characters but tab and newline, and those that turn the direction of what follows
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """A text with its control characters spelled out, so that no terminal obeys what a stranger wrote."""
    return _ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text)


def say(text: str, *, error: bool = False) -> Exception | None:
    """Print a line, to the error output if so asked; characters that it lacks are spelled out.

    Returns
    -------
    Exception or None
        Why it could not be printed, None where it was or where there is no output at all. It is not raised:
        nobody's work ends because nobody hears of it.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:
        return None
    line = printable(text) + "\n"
    try:
        try:
            stream.write(line)
        except UnicodeEncodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except Exception as unheard:  # noqa: BLE001 - streams are replaced by all kinds of objects
        return unheard
    return None
