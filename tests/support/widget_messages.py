"""What a widget answers to its view, and what it keeps."""

from __future__ import annotations

import asyncio
import json
import time

HOSTILE = "<img src=x onerror=alert(1)> $x$ \u202eabc שלום 😀\n" + "9" * 10_000


def ask(widget, number):
    """What the widget answers to a view that asks for a number."""
    answers = []
    widget.send = lambda content, buffers=(): answers.append((content, list(buffers)))
    widget._handle_custom_msg({"kind": "load", "id": number}, [])
    assert len(answers) == 1
    return answers[0]


def state_bytes(widget):
    return len(json.dumps(widget.get_state()))


async def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)
