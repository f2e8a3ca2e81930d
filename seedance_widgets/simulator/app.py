"""The simulated service as a Starlette router: keys, JSON, request ids, and ordered faults.

Every answer carries ``X-Request-Id`` and a ``Date`` by the simulator's clock. Work is done in threads, so
that drawing a clip does not hold up the loop that the app runs on.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router

from seedance_widgets import catalog
from seedance_widgets.simulator.faults import Fault, Faults, ReplyDropped
from seedance_widgets.simulator.reading import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from seedance_widgets.simulator.callbacks import Callbacks
    from seedance_widgets.simulator.films import Films
    from seedance_widgets.simulator.service import Service

__all__ = ["make_app"]

BAD_KEY = "bad-key"
_TASKS = "/api/v3/contents/generations/tasks"
_TYPES = {"video.mp4": "video/mp4", "last_frame.png": "image/png"}


def make_app(service: Service, films: Films, callbacks: Callbacks, faults: Faults) -> Router:
    """The app over one service; a bare router, so that a dropped reply is not turned into a 500."""
    desk = _Desk(service, films, callbacks, faults)
    return Router(
        routes=[
            Route(_TASKS, desk.create, methods=["POST"]),
            Route(_TASKS, desk.list, methods=["GET"]),
            Route(_TASKS + "/{task_id}", desk.get, methods=["GET"]),
            Route(_TASKS + "/{task_id}", desk.delete, methods=["DELETE"]),
            Route("/files/{task_id}/{name}", desk.file, methods=["GET"]),
        ]
    )


class _Desk:
    def __init__(self, service: Service, films: Films, callbacks: Callbacks, faults: Faults) -> None:
        self._service = service
        self._films = films
        self._callbacks = callbacks
        self._faults = faults

    async def create(self, request: Request) -> Response:
        raw = await request.body()

        def work() -> dict[str, Any]:
            if len(raw) > catalog.rules().body_max_bytes:
                raise Refusal(400, "InvalidParameter.body", "the request body is larger than 64 MB")
            try:
                body = json.loads(raw)
            except ValueError:
                raise Refusal(400, "InvalidParameter.body", "the request body is not valid JSON") from None
            return self._service.create(body, _base(request))

        response = await self._answer("create", request, work)
        self._callbacks.wake()
        return response

    async def get(self, request: Request) -> Response:
        task_id = request.path_params["task_id"]
        return await self._answer("get", request, lambda: self._service.get(task_id, _base(request)))

    async def list(self, request: Request) -> Response:
        query = {**request.query_params, "filter.task_ids": request.query_params.getlist("filter.task_ids")}
        return await self._answer("list", request, lambda: self._service.list(query, _base(request)))

    async def delete(self, request: Request) -> Response:
        task_id = request.path_params["task_id"]
        return await self._answer("delete", request, lambda: self._service.delete(task_id))

    async def file(self, request: Request) -> Response:
        name = request.path_params["name"]

        def work() -> Response:
            if name not in _TYPES:
                raise Refusal(404, "NoSuchKey", "there is no such file")
            task = self._service.file_of(request.path_params["task_id"])
            return FileResponse(self._films.path_of(task, name), media_type=_TYPES[name])

        return await self._answer("file", request, work, needs_key=False)

    async def _answer(
        self, call: str, request: Request, work: Callable[[], Any], *, needs_key: bool = True
    ) -> Response:
        """Check the key, do the work, answer; struck by the fault that was ordered for this call, if any."""
        fault = self._faults.take(call)
        headers = {
            "X-Request-Id": secrets.token_hex(16),
            "Date": formatdate(self._service.clock(), usegmt=True),
        }
        try:
            if needs_key:
                _check_key(request)
            if fault and fault.kind == "refuse":
                raise Refusal(fault.status, fault.code, fault.message, retry_after=fault.retry_after)
            result = await asyncio.to_thread(work)
            response = result if isinstance(result, Response) else JSONResponse(result)
        except Refusal as refusal:
            response = _error(refusal, headers["X-Request-Id"])
        response.headers.update(headers)
        if fault:
            response = await _struck(response, fault, headers)
        return response


async def _struck(response: Response, fault: Fault, headers: dict[str, str]) -> Response:
    """What a fault leaves of an answer whose work is done."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "break_after":
        response = _error(Refusal(fault.status, fault.code, fault.message), headers["X-Request-Id"])
    elif fault.kind == "drop_reply":
        raise ReplyDropped
    elif fault.kind == "half_body":
        body = await asyncio.to_thread(_body, response)
        head = [(name, value) for name, value in response.raw_headers if name != b"content-length"]
        length = str(len(body)).encode()
        raise ReplyDropped(body[: math.ceil(len(body) / 2)], [*head, (b"content-length", length)])
    return response


def _body(response: Response) -> bytes:
    if isinstance(response, FileResponse):
        with open(response.path, "rb") as file:  # noqa: PTH123
            return file.read()
    return bytes(response.body)


def _check_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() == BAD_KEY:
        raise Refusal(401, "AuthenticationError", "the API key is missing or not valid")


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def _error(refusal: Refusal, request_id: str) -> JSONResponse:
    error: dict[str, Any] = {
        "code": refusal.code,
        "message": f"{refusal.message.rstrip('.')}. Request id: {request_id}",
        "type": {4: "BadRequest", 5: "InternalServerError"}[refusal.status // 100],
        "param": refusal.param or "",
    }
    headers = {} if refusal.retry_after is None else {"Retry-After": str(math.ceil(refusal.retry_after))}
    return JSONResponse({"error": error}, status_code=refusal.status, headers=headers)
