"""A studio, a service and the proxy between them: where failures are played out over real sockets.

`Reached` is what a studio simulates with: it leads to the service of another place, this process or not, so
that a child may be killed while its tasks go on.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from proxy import Proxy

import seedance_widgets as sw

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATE = "POST /api/v3/contents/generations/tasks "
FILE = "GET /files/"
READ = "GET /api/v3/contents/generations/tasks/"
SPEED = 200
# the quickest clip to draw
SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
_CHILD = Path(__file__).with_name("crashing.py")


class Ticking:
    """Seconds since 1970 as they pass, and a jump where a test wants one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def pass_(self, seconds: float) -> None:
        self.ahead += seconds


class Route(httpx.AsyncHTTPTransport):
    """Leads every call to one address, however it is named; creates may be given less time than usual."""

    def __init__(self, address: str, *, timeout: dict[str, float] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.address = httpx.URL(address)
        self.timeout = timeout or {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        here = self.address
        request.url = request.url.copy_with(scheme=here.scheme, host=here.host, port=here.port)
        if request.method == "POST":
            request.extensions["timeout"] = {**request.extensions["timeout"], **self.timeout}
        return await super().handle_async_request(request)


class Reached(sw.Simulator):
    """The simulator at the other end of a transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(speed=SPEED)
        self._by = transport

    def transport(self) -> Any:
        return self._by


@dataclass
class Stage:
    """One home, one service, and the proxy before it."""

    home: Path
    clock: Ticking
    service: Any
    proxy: Proxy
    _children: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def posts(self) -> int:
        """How many creates were sent."""
        return self.proxy.count("POST ")

    @property
    def address(self) -> str:
        """Of the proxy."""
        return f"http://127.0.0.1:{self.proxy.port}"

    def studio(self, route: httpx.AsyncBaseTransport | None = None, **options: Any) -> sw.Studio:
        """A studio of its own on the home."""
        options = {"home": self.home, "clock": self.clock, **options}
        return sw.Studio(simulate=Reached(route or Route(self.address)), **options)

    def child(self, point: str = "never", count: int = 1) -> subprocess.Popen[str]:
        """A process that submits to the home, says so a line a task, and is killed at a point; see `crashing`."""
        command = [sys.executable, str(_CHILD), str(self.home), self.address, point, str(count)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._children.append(child)
        return child

    def end_children(self) -> None:
        """Leave no process behind."""
        for child in self._children:
            child.kill()
            child.wait(10)
            assert child.stdout is not None
            child.stdout.close()

    def check(self, studio: sw.Studio, *, posts: int) -> None:
        """Nothing was sent twice, nothing paid is lost, every clip is on disk as its row says."""
        frame = studio.log.to_pandas()
        made = {task["id"]: task for task in self.service.tasks()}
        assert self.posts == posts
        assert sorted(frame["task_id"].dropna()) == sorted(made)
        billed = frame[frame["usd"].fillna(0) > 0]
        assert set(billed["task_id"]) == {each for each, task in made.items() if task["billed_tokens"]}
        for row in billed.itertuples():
            assert row.file == "saved"
            assert hashlib.sha256(Path(row.video_path).read_bytes()).hexdigest() == row.sha256
        assert not list(self.home.rglob("*.part"))


@contextlib.contextmanager
def staged(home: Path, make_service: Any = sw.Simulator, **options: Any) -> Iterator[Stage]:
    """A stage for one test."""
    clock = Ticking()
    service = make_service(**{"speed": SPEED, "clock": clock, **options})
    with service.serve() as base_url, Proxy(httpx.URL(base_url).port or 0) as proxy:
        stage = Stage(home, clock, service, proxy)
        try:
            yield stage
        finally:
            stage.end_children()
    service.close()
