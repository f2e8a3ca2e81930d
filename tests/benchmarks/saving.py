"""Saving a clip: ``Client.download`` against httpx streaming into an open file, and both against curl.

httpx and the client fetch the same bodies from one server over loopback with the same HTTP library, one at a time or four at
once. The bare side writes what ``aiter_raw`` yields and closes the file: no hash, no fsync, no check of the
length, and the data may still be in memory only. The kit's side hashes, checks, fsyncs file and folder, and
renames. Loopback is the hard case: against a real network both wait for the same line, and the ratio goes to 1.
Connections are open before the clock starts, and files are removed after it has stopped, so that no side pays
for what the other left to write. The server is a bare asyncio protocol in a process of its own.

curl says what a program in C makes of the same line: all files in one process, whose start is on its clock, and no
hash, no fsync and no check of the length either. It is left out where it is not installed.

Memory: what a fresh process reaches while it saves 200 MB, less what one reaches with 5 MB. It must not grow
with the clip.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

import httpx
import measure

from seedance_widgets.modelark.client import Client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

MB = 1_000_000
SMALL, LARGE, HUGE = (1 * MB, 2 * MB, 20 * MB) if measure.SMALL else (5 * MB, 50 * MB, 200 * MB)
TOTAL = 4 * MB if measure.SMALL else 100 * MB
IDENTITY = {"Accept-Encoding": "identity"}
SERVER = """
import asyncio, os

BLOCK = os.urandom(1 << 20)

class Bodies(asyncio.Protocol):
    # GET /<bytes>
    def connection_made(self, transport):
        self.transport, self.asked, self.left, self.paused = transport, b"", 0, False
    def data_received(self, data):
        self.asked += data
        if self.asked.endswith(b"\\r\\n\\r\\n"):
            self.left = int(self.asked.split(b" ", 2)[1][1:])
            self.asked = b""
            head = f"HTTP/1.1 200 OK\\r\\nContent-Type: video/mp4\\r\\nContent-Length: {self.left}\\r\\n\\r\\n"
            self.transport.write(head.encode())
            self.send()
    def send(self):
        while self.left and not self.paused:
            part = BLOCK[: self.left]
            self.left -= len(part)
            self.transport.write(part)
    def pause_writing(self):
        self.paused = True
    def resume_writing(self):
        self.paused = False
        self.send()

async def main():
    server = await asyncio.get_running_loop().create_server(Bodies, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
IMPORTS = """
import asyncio
from pathlib import Path
import httpx
from seedance_widgets.modelark.client import Client
url, target = sys.argv[1], Path(sys.argv[2])
"""
SAVE_BARE = f"""
async def save():
    async with httpx.AsyncClient(trust_env=False) as http, http.stream("GET", url, headers={IDENTITY}) as response:
        with target.open("wb") as file:
            async for chunk in response.aiter_raw():
                file.write(chunk)
asyncio.run(save())
target.unlink()
"""
SAVE_KIT = """
async def save():
    async with Client("a-key", "http://127.0.0.1/api/v3") as client:
        await client.download(url, target)
asyncio.run(save())
target.unlink()
"""


async def bare(home: Path, url: str, count: int, at_once: int) -> float:
    """Seconds for some downloads with httpx alone."""

    async def save(path: Path) -> None:
        async with http.stream("GET", url, headers=IDENTITY) as response:
            with path.open("wb") as file:
                async for chunk in response.aiter_raw():
                    file.write(chunk)

    async with httpx.AsyncClient(trust_env=False) as http:
        return await clocked(save, home, count, at_once)


async def kit(home: Path, url: str, count: int, at_once: int) -> float:
    """Seconds for some downloads with the client."""

    async def save(path: Path) -> None:
        await client.download(url, path)

    async with Client("a-key", "http://127.0.0.1/api/v3") as client:
        return await clocked(save, home, count, at_once)


async def curl(home: Path, url: str, count: int, at_once: int) -> float:
    """Seconds for some downloads with curl."""

    async def fetch(names: list[str]) -> float:
        what = [word for name in names for word in ("-o", str(home / name), url)]
        how = ["-sS", "--no-progress-meter", "--noproxy", "*"]
        how += ["--parallel", "--parallel-max", str(at_once)] if at_once > 1 else []
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec("curl", *how, *what)
        assert await process.wait() == 0
        return time.perf_counter() - began

    await fetch([f"first-{number}.mp4" for number in range(at_once)])
    return await fetch([f"{number}.mp4" for number in range(count)])


async def clocked(save: Callable[[Path], Awaitable[object]], home: Path, count: int, at_once: int) -> float:
    """Save that many files, after one that opens each connection."""
    waiting = iter([home / f"{number}.mp4" for number in range(count)])

    async def in_turn() -> None:
        for path in waiting:
            await save(path)

    await asyncio.gather(*(save(home / f"first-{number}.mp4") for number in range(at_once)))
    began = time.perf_counter()
    await asyncio.gather(*(in_turn() for _ in range(at_once)))
    return time.perf_counter() - began


def rate(way: Callable[..., Awaitable[float]], home: Path, url: str, size: int, at_once: int) -> float:
    """Megabytes a second, over 100 MB or more; nothing of the files is left."""
    count = max(4, TOTAL // size)
    seconds = asyncio.run(way(home, f"{url}/{size}", count, at_once))
    files = list(home.iterdir())
    assert [file.stat().st_size for file in files] == [size] * (count + at_once)
    for file in files:
        file.unlink()
    return count * size / MB / seconds


def speed(home: Path, url: str, rounds: int) -> None:
    """Compare how fast files are saved."""
    table = measure.Table("Speed of saving from loopback")
    for size, at_once in ((SMALL, 1), (SMALL, 4), (LARGE, 1), (LARGE, 4)):
        what = (home, url, size, at_once)
        ways = (bare, kit, curl) if shutil.which("curl") else (bare, kit)
        rates = measure.alternate(rounds, {way.__name__: partial(rate, way, *what) for way in ways})
        title = f"{size // MB} MB, {at_once} at a time"
        if curl in ways:
            table.row(f"{title}: curl", rates["curl"], "MB/s")
            table.row("  bare httpx against it", rates["bare"], "MB/s", against=rates["curl"])
            table.row("  Client.download against it", rates["kit"], "MB/s", against=rates["curl"])
        table.row(f"{title}: bare httpx", rates["bare"], "MB/s")
        table.row(f"{title}: Client.download", rates["kit"], "MB/s", against=rates["bare"], at_least=0.7)
    table.print()


def memory(home: Path, url: str, rounds: int) -> None:
    """Compare the peaks of fresh processes."""
    works = {"bare httpx": SAVE_BARE, "Client.download": SAVE_KIT}
    runs = measure.alternate(
        rounds,
        {
            f"{name}, {size // MB} MB": partial(
                measure.fresh, work, f"{url}/{size}", home / "memory.mp4", setup=IMPORTS
            )
            for name, work in works.items()
            for size in (SMALL, HUGE)
        },
    )
    peaks = {name: measure.column(found, "peak") for name, found in runs.items()}
    table = measure.Table("Peak memory of the process")
    for name in works:
        sizes = (SMALL // MB, HUGE // MB)
        small, huge = (peaks[f"{name}, {size} MB"] for size in sizes)
        table.row(f"{name}, {sizes[0]} MB", small, "MiB")
        table.row(f"{name}, {sizes[1]} MB", huge, "MiB")
        more = [most - least for most, least in zip(huge, small, strict=True)]
        table.row(
            f"{name}, {sizes[1]} MB less {sizes[0]} MB",
            more,
            "MiB",
            at_most=4 if name == "Client.download" else None,
        )
    table.print()


def main() -> None:
    rounds = measure.rounds(__doc__, 11)
    with measure.folder() as home, measure.process(SERVER) as port:
        speed(home, f"http://127.0.0.1:{port}", rounds)
        memory(home, f"http://127.0.0.1:{port}", max(3, rounds // 2))


if __name__ == "__main__":
    main()
