"""Receive the service's callbacks, and take them for what they are: hints.

Anyone who learns the address can post anything to it, the service signs nothing, repeats itself, and its
messages may overtake one another. So a callback changes no row. Where it says something that the log does
not hold yet, about a task that the log has, it makes the watcher ask the service sooner; what the service
then answers counts. Nothing has to be remembered for that: the log itself says whether a message is a
repeat or comes late.

Replies are those of the tutorial's sample server, with its status codes. It differs where the sample
trips: text that is no JSON gets the 400 that is meant for it, and there is a limit of size and of time.

The service calls from outside. A public address that leads here (a tunnel, a reverse proxy, an open port
together with ``host``) is up to the person who runs this; without one, polling finds everything too.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from seedance_widgets.errors import SeedanceError
from seedance_widgets.log.looks import LOOK
from seedance_widgets.log.row import FINAL, LIVE, TaskRow
from seedance_widgets.log.schema import answers, tasks
from seedance_widgets.simulator.transports import make_server, serve
from seedance_widgets.units import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from seedance_widgets.log.store import Store

__all__ = ["Receiver", "Webhook", "load_secret", "state_in_log"]


_MAX_BYTES = 64 * 1024
_READ_SECONDS = 5.0  # the service itself waits no longer for an answer
_SECRET_FILE = "webhook.secret"  # noqa: S105 - the file's name
_SECRET = re.compile("[A-Za-z0-9_-]{32,64}")
_TASK_ID = re.compile("[!-~]{1,128}")

_REQUIRED = (
    "id", "model", "status", "created_at", "updated_at", "service_tier", "execution_expires_after",
)  # fmt: skip
_RECEIVED = "Callback received successfully"
_RECEIVED_IN_VAIN = f"{_RECEIVED} (internal processing exception)"


class Receiver:
    """The ASGI app: ``/webhook/<secret>/callback`` and ``/webhook/<secret>/tasks/<id>``.

    Any other path is 404, whatever is wrong with it.

    Parameters
    ----------
    secret
        Part of the address; who knows it may post and read.
    known
        Given a task id, what the log holds of it (its ``status`` and the tutorial's other fields), or
        None. It may block; it is called in threads.
    hint
        Given the id of a known task about which there may be news. It must not block; how often the
        service is asked is its own concern.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        secret: str,
        *,
        known: Callable[[str], Mapping[str, Any] | None],
        hint: Callable[[str], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret.encode()
        self._known = known
        self._hint = hint
        self._clock = clock
        self._called_at: dict[str, float] = {}
        self._router = Router(
            routes=[
                Route("/callback", self._callback, methods=["POST"]),
                Route("/tasks/{task_id}", self._task, methods=["GET"]),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        before, _, rest = scope["path"].removeprefix("/webhook/").partition("/")
        if scope["path"].startswith("/webhook/") and hmac.compare_digest(before.encode(), self._secret):
            await self._router({**scope, "path": f"/{rest}"}, receive, send)
        else:
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)

    async def _callback(self, request: Request) -> Response:
        try:
            raw = await _body(request)
        except _TooLargeError:
            return _reply(413, f"Body larger than {_MAX_BYTES} bytes")
        except TimeoutError:
            return _reply(408, f"Body incomplete after {_READ_SECONDS:g} seconds", close=True)
        try:
            callback = json.loads(raw)
        except (ValueError, RecursionError):
            callback = None
        if not callback:
            return _reply(400, "Invalid JSON data")
        for field in _REQUIRED:
            if not isinstance(callback, dict) or field not in callback:
                return _reply(400, f"Missing field: {field}")
        try:
            await self._take(callback)
        except Exception:  # noqa: BLE001 - the service is not to repeat what only we could not use
            return _reply(200, _RECEIVED_IN_VAIN)
        return _reply(200, _RECEIVED, task_id=callback["id"])

    async def _take(self, callback: Mapping[str, Any]) -> None:
        if any(not isinstance(callback[field], str | int | float) for field in _REQUIRED):
            raise TypeError  # what the sample server's table would not take
        task_id = str(callback["id"])
        held = await self._state_of(task_id)
        if held is None:
            return
        self._called_at[task_id] = self._clock()
        if _is_news(str(callback["status"]), held["status"]):
            self._hint(task_id)

    async def _task(self, request: Request) -> Response:
        task_id = request.path_params["task_id"]
        held = await self._state_of(task_id)
        if held is None:
            return _reply(404, "Task not found")
        called_at = self._called_at.get(task_id)
        written = called_at and time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(called_at))
        return _json(200, {"code": 200, "data": {**held, "last_callback_at": written}})

    async def _state_of(self, task_id: str) -> Mapping[str, Any] | None:
        # a database need not be asked for what can be no id, nor cope with it
        return await asyncio.to_thread(self._known, task_id) if _TASK_ID.fullmatch(task_id) else None


class Webhook:
    """A receiver that is being served, on a thread of its own, until it is closed.

    Parameters
    ----------
    receiver
        What answers.
    secret
        The receiver's.
    host
        Address to listen on; other than a loopback one lets other machines in.
    port
        0 takes a free one.

    Attributes
    ----------
    url : str
        What ``callback_url`` is to be, with scheme, host and port replaced by those of the public address
        that leads here. Who knows it can post: show it to nobody else.

    Raises
    ------
    SeedanceError
        The port is taken.
    """

    def __init__(self, receiver: Receiver, secret: str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._serving = contextlib.ExitStack()
        bound = self._serving.enter_context(serve(make_server(receiver, host, port), "webhook"))
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{bound}/webhook/"
        self.url = f"{self._address}{secret}/callback"

    def close(self) -> None:
        """Stop serving; a second time does nothing."""
        self._serving.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Webhook({self._address}***/callback)"  # outputs of cells are saved and shared


def load_secret(home: Path) -> str:
    """The secret of a home's webhook, made when first asked for, so that its address lasts.

    It is kept in ``webhook.secret``, for the owner's eyes only. To have a new one, delete the file.

    Raises
    ------
    SeedanceError
        The file cannot be written, or holds no secret.
    """
    path = home / _SECRET_FILE
    try:
        secret = _read_secret(path)
    except OSError as error:
        raise SeedanceError(
            f"the secret of the webhook cannot be kept in {path}: {error.strerror}"
        ) from error
    if not _SECRET.fullmatch(secret):
        raise SeedanceError(f"{path} does not hold the secret of a webhook; delete it to have a new one made")
    return secret


def _read_secret(path: Path) -> str:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)  # a copied folder may have let others in
        return path.read_text("utf-8", errors="replace").strip()
    secret = secrets.token_urlsafe(32)
    try:
        os.write(file, secret.encode())
        os.fsync(file)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(file)
    return secret


class _TooLargeError(Exception):
    pass


async def _body(request: Request) -> bytes:
    """The request's body, as much of it as may be; what its header says of its length is not asked."""
    read = bytearray()
    async with asyncio.timeout(_READ_SECONDS):
        async for chunk in request.stream():
            read += chunk
            if len(read) > _MAX_BYTES:
                raise _TooLargeError
    return bytes(read)


def _is_news(said: str, held: str) -> bool:
    """Whether a status in a callback could follow the one in the log."""
    if held in FINAL:
        return False
    if said in LIVE and held in LIVE:
        return LIVE.index(said) > LIVE.index(held)
    return True


def _reply(code: int, message: str, *, close: bool = False, **more: Any) -> Response:
    response = _json(code, {"code": code, "msg": message, **more})
    if close:
        response.headers["Connection"] = "close"
    return response


def _json(code: int, content: Mapping[str, Any]) -> Response:
    # in ASCII: an id that is echoed may hold half of a surrogate pair, which no UTF-8 can
    return Response(json.dumps(content), status_code=code, media_type="application/json")


def state_in_log(store: Store, task_id: str, *, simulated: bool) -> dict[str, Any] | None:
    """The state of a task as the log has it, None if it has no such task.

    The status is the row's, which only the service's own answers move. What the service never said, and
    what was not sent to it either, is None.

    Returns
    -------
    dict
        ``task_id``, ``model``, ``status``, ``created_at`` and ``updated_at`` (whole seconds since 1970
        UTC), ``service_tier``, ``execution_expires_after`` (seconds).
    """
    with store.read() as connection:
        wanted = (tasks.c.task_id == task_id, tasks.c.simulated.is_(simulated))
        line = connection.execute(select(tasks).where(*wanted)).first()
        if line is None:
            return None
        row = TaskRow.read(line)
        of_it = (answers.c.key == row.key, answers.c.call != LOOK)
        newest = select(answers.c.body).where(*of_it).order_by(answers.c.id.desc())
        last = connection.execute(newest.limit(1)).scalar()
    answer = json.loads(last) if last else {}
    sent = json.loads(row.body) if row.body else {}
    changed_at = row.finished_at or row.created_at
    return {
        "task_id": task_id,
        "model": row.wire_model or row.model,
        "status": row.status,
        "created_at": int(seconds_of(row.created_at)),
        "updated_at": _whole(answer, "updated_at") or int(seconds_of(changed_at)),
        "service_tier": row.service_tier,
        "execution_expires_after": _whole(answer, "execution_expires_after")
        or _whole(sent, "execution_expires_after"),
    }


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if type(value) is int else None
