"""The account behind the second service: its tasks, and what the service is known to make of a request.

Nothing of this package is used here. What is told of a task, when, and for how long follows what others have
written down of the service; `raw_service` puts it on the wire.
"""

from __future__ import annotations

import io
import itertools
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86_400
STATUSES = {"queued", "running", "cancelled", "succeeded", "failed"}
CONTENT = {"text", "image_url", "video_url", "audio_url", "draft_task"}
ECHOED = ("generate_audio", "draft", "priority", "safety_identifier", "output_format")
FIELDS = {
    *("model", "content", "callback_url", "return_last_frame", "service_tier", "execution_expires_after"),
    *("camera_fixed", "watermark", "seed", "resolution", "ratio", "duration", "frames", "tools"),
    *("omni_reference_task_type", *ECHOED),
}


class Refused(Exception):
    """A call that the service refuses: status and code."""


@dataclass
class Task:
    """One task; all moments in seconds since 1970 by the service's clock."""

    id: str
    body: dict[str, Any]
    created: float
    seed: int
    tokens: int
    status: str = "queued"
    begun: float = 0.0
    ended: float = 0.0
    fails: str | None = None

    @property
    def expiry(self) -> int:
        return int(self.body.get("execution_expires_after") or 172_800)

    @property
    def tier(self) -> str:
        return str(self.body.get("service_tier") or "default")

    @property
    def is_open(self) -> bool:
        return self.status in ("queued", "running")

    def told(self, root: str) -> dict[str, Any]:
        """As the service tells it: little before it has succeeded."""
        told: dict[str, Any] = {
            "id": self.id,
            "model": self.body["model"],
            "status": self.status,
            "created_at": int(self.created),
            "updated_at": int(self.ended or self.begun or self.created),
            "service_tier": self.tier,
            "execution_expires_after": self.expiry,
        }
        if self.status == "failed":
            told["error"] = {"code": self.fails, "message": "no"}
        if self.status != "succeeded":
            return told
        body, length = self.body, "frames" if self.body.get("frames") else "duration"
        told["content"] = {"video_url": f"{root}/files/{self.id}/video.mp4?X-Tos-Signature=abc"}
        told["usage"] = {"completion_tokens": self.tokens, "total_tokens": self.tokens}
        told |= {"seed": self.seed, "framespersecond": 24, length: body.get(length, 5)}
        told |= {"resolution": body.get("resolution", "720p"), "ratio": body.get("ratio", "16:9")}
        return told | {name: body[name] for name in ECHOED if body.get(name) is not None}


class Account:
    """The tasks of one account, and what may be done with them; ``places`` is how many run at once."""

    def __init__(self, clock: Callable[[], float], run_seconds: float, places: float) -> None:
        self.clock = clock
        self.run_seconds = run_seconds
        self.places = places
        self.tasks: dict[str, Task] = {}
        self.tokens: Callable[[dict[str, Any]], int] = lambda body: (
            640 * 640 * body.get("frames", 121) // 1024
        )
        self._numbers = itertools.count(1)

    def create(self, body: dict[str, Any]) -> Task:
        body = {name: value for name, value in body.items() if value is not None}
        for name in body.keys() - FIELDS:
            raise Refused(400, f"InvalidParameter.{name}")
        for name in {"model", "content"} - body.keys():
            raise Refused(400, f"MissingParameter.{name}")
        if not {part["type"] for part in body["content"]} <= CONTENT:
            raise Refused(400, "InvalidParameter.content")
        now, number = self.clock(), next(self._numbers)
        start = "cgt-batch" if body.get("service_tier") == "flex" else "cgt"
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        seed = body.get("seed", -1)
        seed = (number * 2_654_435_761) % (1 << 31) if seed == -1 else seed
        task = Task(f"{start}-{stamp}-{number:05x}", body, now, seed, self.tokens(body))
        self.tasks[task.id] = task
        return task

    def advance(self) -> None:
        """Let happen what the time that has passed brings."""
        now = self.clock()
        for task in self.tasks.values():
            running = sum(each.status == "running" for each in self.tasks.values())
            if (
                task.status == "queued"
                and now >= task.created + self.run_seconds / 4
                and running < self.places
            ):
                task.status, task.begun = "running", task.created + self.run_seconds / 4
            if task.status == "running" and now >= task.begun + self.run_seconds:
                task.status, task.ended = (
                    "failed" if task.fails else "succeeded",
                    task.begun + self.run_seconds,
                )
            if task.is_open and now >= task.created + task.expiry:
                task.status, task.ended = "expired", task.created + task.expiry

    def find(self, task_id: str) -> Task:
        task = self.tasks.get(task_id)
        if task is None or self.clock() > task.created + 7 * DAY:
            raise Refused(404, "NotFound.task")
        return task

    def listed(self, query: dict[str, list[str]]) -> list[Task]:
        """Newest first; of one tier, the default one unless another is named."""
        asked = {name.removeprefix("filter."): values for name, values in query.items()}
        if not set(asked.get("status", ())) <= STATUSES:
            raise Refused(400, "InvalidParameter.filter.status")
        return [
            task
            for task in reversed(self.tasks.values())
            if task.created > self.clock() - 7 * DAY
            and task.tier in asked.get("service_tier", ["default"])
            and task.status in asked.get("status", [task.status])
            and task.id in asked.get("task_ids", [task.id])
            and task.body["model"] in asked.get("model", [task.body["model"]])
        ]

    def delete(self, task: Task) -> None:
        if task.status in ("running", "cancelled"):
            raise Refused(409, "TaskRunningCannotCancel" if task.status == "running" else "OperationDenied")
        if task.status == "queued":
            task.status, task.ended = "cancelled", self.clock()
        else:
            del self.tasks[task.id]


def clip_of(task: Task) -> bytes:
    """A clip of the task's own: one film, and a box at its end that players pass over."""
    mark = task.id.encode()
    return _film() + struct.pack(">I4s", 8 + len(mark), b"free") + mark


_films: list[bytes] = []


def _film() -> bytes:
    if not _films:
        out = io.BytesIO()
        with av.open(out, "w", format="mp4") as film:
            stream = film.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for shade in range(0, 250, 10):
                picture = np.full((64, 64, 3), shade, np.uint8)
                film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            film.mux(stream.encode())
        _films.append(out.getvalue())
    return _films[0]
