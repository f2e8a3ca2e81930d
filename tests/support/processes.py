"""Real kernels: processes with a studio each on one home, over sockets, and the service's own count of calls."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from functools import cached_property
from pathlib import Path

import sqlalchemy

import seedance_widgets as sw

KERNEL = Path(__file__).with_name("kernel_process.py")


class Recording(sw.Simulator):
    """A simulator that remembers every call: monotonic time, method and path; files wait for their gate."""

    @cached_property
    def _app(self):
        inner, self.calls, self.gate = super()._app, [], threading.Event()
        self.gate.set()

        async def app(scope, receive, send):
            if scope["type"] == "http":
                self.calls.append((time.monotonic(), scope["method"], scope["path"]))
                while scope["path"].startswith("/files/") and not self.gate.is_set():
                    await asyncio.sleep(0.02)
            await inner(scope, receive, send)

        return app

    def creates(self) -> list[float]:
        return [at for at, method, _ in self.calls if method == "POST"]

    def files(self) -> list[str]:
        return [path for _, _, path in self.calls if path.startswith("/files/")]


class Process:
    """A kernel at work: what it prints is JSON, a line each; it goes on at every line that it is told."""

    def __init__(self, act: str, home: Path, base_url: str, **options: object) -> None:
        command = [sys.executable, str(KERNEL), act, str(home), base_url, json.dumps(options)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, bufsize=1
        )
        self.pid = self._process.pid

    def hear(self):
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait()}: {self.errors()}"
        return json.loads(line)

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def tell(self) -> None:
        self._process.stdin.write("go\n")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def ends(self) -> int:
        return self._process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._errors.close()
        self._process.stdin.close()
        self._process.stdout.close()


def rows_of(home: Path) -> list[dict]:
    """All rows, read past the product, from a log that is whole."""
    with contextlib.closing(sqlite3.connect(home / "log.sqlite", timeout=30)) as log:
        log.row_factory = sqlite3.Row
        assert [tuple(each) for each in log.execute("PRAGMA integrity_check")] == [("ok",)]
        return [dict(row) for row in log.execute("SELECT * FROM tasks ORDER BY intent_at, key")]


def rows_on_server(address: str) -> list[dict]:
    """All rows of a log on a server, read past the product."""
    engine = sqlalchemy.create_engine(address)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM tasks ORDER BY intent_at, key").mappings().all()
    engine.dispose()
    return [dict(row) for row in found]


def is_whole(home: Path, row: dict) -> bool:
    """Whether a row's clip is on disk as its hash says."""
    clip = home / row["video_path"]
    return hashlib.sha256(clip.read_bytes()).hexdigest() == row["sha256"]


def eventually(holds, seconds: float = 90.0) -> None:
    """Wait for what must come to pass; the time is only there to end a test that fails."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.1)
