"""The four calls of the simulated service: what it answers, and when.

Limits come from the catalog. Durations in the queue, in the works and between callbacks are divided by
``speed``; everything dated (creation, rates, retention, expiry) follows the clock as it is.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.simulator.reading import Refusal, draft_of, invalid, read_body, settle
from seedance_widgets.simulator.state import SimulatedTask, World
from seedance_widgets.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.simulator.faults import Faults

__all__ = ["Service"]

_MINUTE = 60
# seconds at speed 1
_ID_STARTS = {
    "default": "cgt-",
    "flex": "cgt-batch-",
}  # seen in live answers (TanStack's probes of 2026-07-31)
_QUEUE_SECONDS = {"default": (1.0, 5.0), "flex": (20.0, 240.0)}
_RUN_SECONDS = {"default": (19.0, 85.0), "flex": (60.0, 360.0)}


class Service:
    """Create, get, list and delete, as the service does them.

    Parameters
    ----------
    path
        State file, None for memory.
    speed
        How many times faster than a real clip things are made.
    clock
        Seconds since 1970 UTC.
    limits
        ``rpm``, ``concurrency`` or ``tokens_per_day`` in place of the catalog's.
    faults
        What tests have ordered.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        speed: float,
        clock: Callable[[], float],
        limits: Mapping[str, int],
        faults: Faults,
    ) -> None:
        self.speed = speed
        self.clock = clock
        self._limits = dict(limits)
        self._faults = faults
        self.world = World(
            path,
            concurrency=self._places,
            on_change=self._announce,
        )

    # --- the four calls ----------------------------------------------------------------------------------

    def create(self, body: Any, base: str) -> dict[str, Any]:
        """POST: a task id, or a `Refusal`; ``base`` is the server's address, for links in callbacks."""
        request = read_body(body)
        now = self.clock()
        with self.world.transaction(now) as world:
            draft = draft_of(world, request, now)
            facts = {**settle(world, request, draft), "base": base}
            tier = facts["service_tier"]
            self._check_rates(world, request.spec, tier, facts["tokens"], now)
            for image in request.images:
                if image.sha256 and image.data:
                    world.keep_picture(image.sha256, image.data)
            stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
            fate = self._faults.take("create", within=True)
            chance = random.Random(secrets.randbits(64))  # noqa: S311
            task = SimulatedTask(
                id=f"{_ID_STARTS[tier]}{stamp}-{secrets.token_hex(4)}",
                model=request.spec.id,
                wire_model=str(body["model"]),
                tier=tier,
                status="queued",
                created_at=now,
                updated_at=now,
                ready_at=now + chance.uniform(*_QUEUE_SECONDS[tier]) / self.speed,
                run_seconds=chance.uniform(*_RUN_SECONDS[tier]) / self.speed,
                ends_at=None,
                expires_at=int(now) + facts["execution_expires_after"],
                error_code=fate.code if fate else None,
                error_message=fate.message if fate else None,
                facts=facts,
            )
            world.add(task)
            world.count_create(task.model, tier, now, facts["tokens"])
        answer = {"id": task.id}
        if "safety_identifier" in facts["echoed"]:
            answer["safety_identifier"] = facts["echoed"]["safety_identifier"]
        return answer

    def get(self, task_id: str, base: str) -> dict[str, Any]:
        """GET: the task as it stands; ``base`` is the server's address, for links to files."""
        now = self.clock()
        with self.world.transaction(now) as world:
            return self._answer(self._task_of(world, task_id, now), base)

    def list(self, query: Mapping[str, Any], base: str) -> dict[str, Any]:
        """GET the list: newest first, of the last 7 days, one tier at a time."""
        number = self._page_part(query, "page_num", 1)
        size = self._page_part(query, "page_size", 10)
        status, model = query.get("filter.status"), query.get("filter.model")
        tier = query.get("filter.service_tier") or "default"
        wanted = set(query.get("filter.task_ids") or ())
        if status and status not in ("queued", "running", "cancelled", "succeeded", "failed"):
            raise invalid("filter.status", f"{status!r} is no filter value")
        now = self.clock()
        lag = self._faults.take("list", within=True)
        newest = now - lag.seconds if lag else math.inf
        with self.world.transaction(now) as world:
            found = [
                self._answer(task, base)
                for task in world.tasks(since=now - catalog.rules().record_days * DAY)
                if task.tier == tier
                and task.created_at <= newest
                and (not status or task.status == status)
                and (not model or model in (task.model, task.wire_model))
                and (not wanted or task.id in wanted)
            ]
        return {"total": len(found), "items": found[(number - 1) * size : number * size]}

    def delete(self, task_id: str) -> dict[str, Any]:
        """DELETE: cancels what is queued, removes what has ended, refuses the rest."""
        now = self.clock()
        with self.world.transaction(now) as world:
            task = self._task_of(world, task_id, now)
            if task.status == "queued":
                world.change(task, "cancelled", now)
            elif task.status == "running":
                raise Refusal(
                    409, "TaskRunningCannotCancel", f"task {task_id} is running and cannot be cancelled"
                )
            elif task.status == "cancelled":
                raise Refusal(
                    409, "OperationDenied", f"task {task_id} is cancelled; its record clears itself"
                )
            else:
                world.remove(task)
        return {}

    # --- files -------------------------------------------------------------------------------------------

    def file_of(self, task_id: str) -> SimulatedTask:
        """The succeeded task whose files may still be fetched, or a `Refusal`."""
        now = self.clock()
        with self.world.transaction(now) as world:
            task = self._task_of(world, task_id, now)
        if task.status != "succeeded" or now > task.updated_at + catalog.rules().file_hours * HOUR:
            raise Refusal(403, "AccessDenied", "the link has expired")
        return task

    # --- limits -----------------------------------------------------------------------------------------

    def _check_rates(self, world: World, spec: Model, tier: str, tokens: int, now: float) -> None:
        if tier == "flex":
            limit = self._limit(spec, "tokens_per_day")
            midnight = now - now % DAY
            _, used, _ = world.creates(spec.id, tier, midnight)
            if limit is not None and used + tokens > limit:
                raise Refusal(
                    429, "QuotaExceeded", f"exceeded the daily limit of {limit} tokens for {spec.id} on flex"
                )
            return
        limit = self._limit(spec, "rpm")
        count, _, first = world.creates(spec.id, tier, now - _MINUTE)
        if limit is not None and count >= limit:
            raise Refusal(
                429,
                "ModelAccountRpmRateLimitExceeded",
                f"more than {limit} requests a minute for {spec.id}",
                retry_after=max(1.0, first + _MINUTE - now),
            )

    def _places(self, model: str) -> int | None:
        """Tasks of a model at once; without a limit for one that an earlier process had registered."""
        try:
            return self._limit(catalog.find(model), "concurrency")
        except InvalidRequest:
            return None

    def _limit(self, spec: Model, name: str) -> int | None:
        value = self._limits.get(name, getattr(spec.limits, name))
        return None if value is None else int(value)

    # --- answering ---------------------------------------------------------------------------------------

    def _task_of(self, world: World, task_id: str, now: float) -> SimulatedTask:
        task = world.task(task_id)
        if task is None or now > task.created_at + catalog.rules().record_days * DAY:
            raise Refusal(404, "NotFound.Task", f"the task {task_id} does not exist")
        return task

    def _answer(self, task: SimulatedTask, base: str) -> dict[str, Any]:
        told, withheld = self._whole_answer(task, base), self._faults.withheld
        return {name: value for name, value in told.items() if name not in withheld}

    def _whole_answer(self, task: SimulatedTask, base: str) -> dict[str, Any]:
        facts = task.facts
        answer: dict[str, Any] = {
            "id": task.id,
            "model": task.wire_model if task.wire_model.startswith("ep-") else task.model,
            "status": task.status,
            "created_at": int(task.created_at),
            "updated_at": int(task.updated_at),
            "service_tier": task.tier,
            "execution_expires_after": facts["execution_expires_after"],
        }
        if task.status == "failed":
            answer["error"] = {"code": task.error_code, "message": task.error_message}
        if task.status != "succeeded":
            return answer
        signature = hashlib.sha256(task.id.encode()).hexdigest()[:16]
        content = {"video_url": f"{base}/files/{task.id}/video.mp4?signature={signature}"}
        if facts["return_last_frame"]:
            content["last_frame_url"] = f"{base}/files/{task.id}/last_frame.png?signature={signature}"
        answer |= {
            "content": content,
            "usage": {
                "completion_tokens": task.billed,
                "total_tokens": task.billed,
                **({"tool_usage": {"web_search": 1}} if facts.get("web_search") else {}),
            },
            "seed": facts["seed"],
            "resolution": facts["resolution"],
            "ratio": facts["ratio"],
            **({"frames": facts["frames"]} if facts["frames"] else {"duration": facts["duration"]}),
            "framespersecond": catalog.frames_per_second(),
            **facts["echoed"],
        }
        spec = catalog.find(task.model)
        if spec.audio:
            answer["generate_audio"] = facts["generate_audio"]
        if spec.draft:
            answer["draft"] = facts["draft"]
            if facts["draft_task_id"]:
                answer["draft_task_id"] = facts["draft_task_id"]
        return answer

    def _page_part(self, query: Mapping[str, Any], name: str, default: int) -> int:
        text = str(query.get(name) or default)
        if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= 500:  # noqa: PLR2004
            raise invalid(name, "is a whole number from 1 to 500")
        return int(text)

    def _announce(self, world: World, task: SimulatedTask) -> None:
        url = task.facts["callback_url"]
        if url and task.status != "cancelled":
            world.queue_callback(task, url, self._answer(task, task.facts["base"]), task.updated_at)
