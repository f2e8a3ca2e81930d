"""Fetch one result file: streamed, hashed, checked, and put in place whole or not at all.

A result link is signed and lives for 24 hours (ModelArk docs 1521309), so a failed download costs nothing
as long as it is noticed: no half file ever carries the final name, and nothing of a failure stays behind.
Bytes go to ``<name>.<random>.part`` beside the target; a worker thread hashes and writes one batch
while the loop receives the next, so neither a slow disk nor the hash stops the loop.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from seedance_widgets.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import FileIO

__all__ = ["Download", "download"]

_BATCH = 1 << 20  # bytes handed to the worker at once: large enough that the hop between threads is noise
_REDIRECTS = 3
_LARGEST = 1 << 32  # bytes; the largest clips, 4k and of 15 s, have some 10 << 20
# What an error page or a gateway sends in place of a clip.
_PAGES = ("text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Download:
    """A file that arrived whole.

    ``path`` is where it is, ``sha256`` its hash in lower-case hex, ``nbytes`` its size in bytes and
    ``content_type`` the server's word for it, without parameters, or None.
    """

    path: Path
    sha256: str
    nbytes: int
    content_type: str | None


async def download(
    http: httpx.AsyncClient,
    url: str,
    path: Path,
    *,
    most: int = _LARGEST,
    may_fetch: Callable[[str], bool] = lambda _: True,
) -> Download:
    """Save what ``url`` holds as ``path``, replacing a file that is there only once the new one is whole.

    ``http`` must carry no credentials and follow no redirects. The folder of ``path`` must exist. There
    are no retries in here. Messages name the host, never the signed rest of the link. ``most`` is the size in
    bytes beyond which a file can be no clip, and would only fill the disk. ``may_fetch`` says of a host, the
    link's or one that it leads to, whether it may be asked.

    Raises
    ------
    DownloadError
        For any status but 200 (beyond 3 redirects within the host or from https to https), for a host that
        may not be asked, and for anything else, from a broken connection to a full disk. The target is as it
        was, nothing is left over.
    """
    path = Path(path)
    sink = _Sink(path)
    address = _address(url)
    try:
        for _ in range(_REDIRECTS + 1):
            if not may_fetch(address.host):
                raise DownloadError(
                    f"the file is said to be at {address.host}, an address of this machine or its network: "
                    "it was not asked for, nothing was saved. If that is right, allow it: "
                    f"Studio(home, file_hosts=[{address.host!r}])."
                )
            async with http.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response:
                if response.has_redirect_location:
                    address = _redirect_target(address, response)
                    continue
                content_type = _check_response(address, response)
                nbytes, sha256 = await _pour(response, sink, address.host, most)
                return Download(path, sha256, nbytes, content_type)
        raise DownloadError(f"{address.host} redirected more than {_REDIRECTS} times; nothing was saved")
    except BaseException as exc:
        # In a future, not a task: a loop that is being shut down cancels tasks, and this must still happen.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, sink.discard))
        if isinstance(exc, DownloadError) or not isinstance(exc, Exception):
            raise
        raise DownloadError(_reason(exc, address.host, path)) from exc


async def _pour(response: httpx.Response, sink: _Sink, host: str, most: int) -> tuple[int, str]:
    loop = asyncio.get_running_loop()
    expected = response.headers.get("Content-Length", "")
    _refuse_beyond(most, int(expected) if expected.isdecimal() else 0, host)
    writing: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    held = total = 0
    # Not aiter_raw(), which is this loop with a guard that refuses what httpx.MockTransport hands over whole.
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    async for chunk in stream:
        batch.append(chunk)
        held += len(chunk)
        _refuse_beyond(most, total + held, host)
        if held >= _BATCH:
            if writing is not None:
                await writing
            writing = loop.run_in_executor(None, sink.write, batch)
            # Should the stream break first, nobody awaits this future; asyncio must not complain about it.
            writing.add_done_callback(lambda done: done.cancelled() or done.exception())
            batch, total, held = [], total + held, 0
    total += held
    if writing is not None:
        await writing
    if expected.isdecimal() and int(expected) != total:
        raise DownloadError(f"{host} announced {expected} bytes and sent {total}; nothing was saved")
    if total == 0:
        raise DownloadError(f"{host} sent an empty file; nothing was saved")
    return total, await loop.run_in_executor(None, sink.finish, batch)


def _refuse_beyond(most: int, nbytes: int, host: str) -> None:
    if nbytes > most:
        raise DownloadError(f"{host} sends more than {most} bytes, which is no clip; nothing was saved")


class _Sink:
    """The file side, used from worker threads; the lock makes a late ``discard`` wait for a running write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        self._file: FileIO | None = None
        self._size = 0
        self._hash = hashlib.sha256()
        self._lock = threading.Lock()
        self._ended = False

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            self._append(chunks)

    def finish(self, chunks: Sequence[bytes]) -> str:
        with self._lock:
            file = self._append(chunks)
            os.fsync(file.fileno())
            file.close()
            self._part.replace(self._path)
            self._ended = True
        self._sync_folder()
        return self._hash.hexdigest()

    def discard(self) -> None:
        with self._lock:
            if not self._ended and self._file is not None:
                with suppress(OSError):
                    self._file.close()
                with suppress(OSError):
                    self._part.unlink()
            self._ended = True

    def _append(self, chunks: Sequence[bytes]) -> FileIO:
        if self._ended:
            # A write that was still waiting for a thread when its download was given up.
            raise DownloadError("the download was given up")
        if self._file is None:
            self._file = self._part.open("xb", buffering=0)
        # One write and one hash a batch: each releases the interpreter once, while the loop receives.
        batch = b"".join(chunks)
        unwritten = memoryview(batch)
        while unwritten:
            unwritten = unwritten[self._file.write(unwritten) :]
        if hasattr(os, "posix_fadvise"):
            # The kernel starts to write these pages now, so the fsync at the end has little left to wait for.
            with suppress(OSError):
                os.posix_fadvise(self._file.fileno(), self._size, len(batch), os.POSIX_FADV_DONTNEED)
        self._size += len(batch)
        self._hash.update(batch)
        return self._file

    def _sync_folder(self) -> None:
        # The file is in place by now: where a folder cannot be synced (Windows, some network mounts), that
        # is no failure of the download.
        with suppress(OSError):
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as exc:
        raise DownloadError("the link is not a URL; nothing was saved") from exc
    if address.scheme not in ("http", "https") or not address.host:
        raise DownloadError("the link is not an http(s) URL; nothing was saved")
    if address.userinfo:
        # httpx would turn it into an Authorization header.
        raise DownloadError(f"the link to {address.host} carries a user name; it is not followed")
    return address


def _redirect_target(address: httpx.URL, response: httpx.Response) -> httpx.URL:
    try:
        target = address.join(response.headers["Location"])
    except httpx.InvalidURL as exc:
        raise DownloadError(f"{address.host} redirected to something that is not a URL") from exc
    is_same = (target.scheme, target.host, target.port) == (address.scheme, address.host, address.port)
    if not is_same and (address.scheme, target.scheme) != ("https", "https"):
        port = "" if target.port is None else f":{target.port}"
        raise DownloadError(
            f"{address.host} redirected to {target.scheme}://{target.host}{port}; "
            "only redirects within the same host, or from https to https, are followed; nothing was saved"
        )
    return _address(str(target))


def _check_response(address: httpx.URL, response: httpx.Response) -> str | None:
    """Refuse what cannot be a clip; return the content type without its parameters."""
    status = response.status_code
    if status in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
        raise DownloadError(
            f"HTTP {status} from {address.host}: the link has expired or the file is gone. Links live for "
            "24 hours; read the task once more for its current link.",
            status_code=status,
        )
    if status != httpx.codes.OK:
        raise DownloadError(
            f"HTTP {status} from {address.host} in place of a file; nothing was saved", status_code=status
        )
    kind: str = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in _PAGES or kind.endswith(("+json", "+xml")):
        raise DownloadError(f"{address.host} sent {kind}, a page and not a clip; nothing was saved")
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        # The raw bytes are what is hashed and stored, so they have to be the file itself.
        raise DownloadError(f"{address.host} sent the file {packed}-encoded, unasked; nothing was saved")
    return kind or None


def _reason(exc: Exception, host: str, path: Path) -> str:
    if isinstance(exc, OSError):
        name = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
        return (
            f"cannot write {path}: {exc.strerror or exc} ({name}). Nothing is lost: the link lives for "
            "24 hours, so free some space or choose another folder and download again."
        )
    return f"the download from {host} broke off ({type(exc).__name__}: {exc}); nothing was saved"
