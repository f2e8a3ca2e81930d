"""Whether the process behind a row of ``kernels`` still lives.

It counts as alive while it was heard of lately and, where it runs on this machine, while its process exists:
after a crash the next kernel takes over at once, and after a sleep of the machine within seconds.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from typing import Protocol

    class Kernel(Protocol):
        """What a row of ``kernels`` says of a process."""

        host: str
        pid: int
        born_at: float
        beat_at: int


__all__ = ["Process", "is_alive", "this_process"]

# the process's start, as the system tells it twice, may differ in the last digits
_SAME_START = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """What tells one process from all others.

    Attributes
    ----------
    host
        Where numbers of processes mean the same; the machine's name is its first word.
    pid
        The process's number, which may be used again after its end.
    born_at
        When it began, in seconds since 1970 UTC.
    """

    host: str
    pid: int
    born_at: float


def this_process() -> Process:
    """The process that asks."""
    return Process(_here(), os.getpid(), psutil.Process().create_time())


def is_alive(kernel: Kernel, *, now: int, within: float) -> bool:
    """Whether a kernel was heard of lately and has not ended since, as far as is known here.

    Parameters
    ----------
    kernel
        A row of ``kernels``.
    now
        Microseconds since 1970 UTC.
    within
        Seconds that are lately.
    """
    # a clock that was set back leaves times in the future: these say as little as old ones
    if abs(now - kernel.beat_at) > micros_of(within):
        return False
    if kernel.host != _here():
        return True
    try:
        born_at: float = psutil.Process(kernel.pid).create_time()
    except psutil.Error:
        return False
    return abs(born_at - float(kernel.born_at)) < _SAME_START


def _here() -> str:
    """The machine since it was started, and the container on it.

    A name alone does not tell machines made from one image apart, nor containers on their host's network.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux only
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
