"""The key that tests give: made anew for each run, and looked for afterwards where no key may be.

That is every file under pytest's temporary folder (logs and their journals, media, captured notebooks), in
plain and in the forms that a careless write leaves it in; and every request, which may carry it in one header
only and to the service's host only. A test that hands out a key takes `KEY`.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import secrets
import urllib.parse
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from seedance_widgets.modelark.client import DEFAULT_BASE_URL
from seedance_widgets.simulator.transports import EmbeddedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# as long as a real one, and with what quoting and escaping would change
KEY = f"canary+{secrets.token_hex(13)}/&="
# hosts that tests name as their base URL
_SERVICE = (httpx.URL(DEFAULT_BASE_URL).host, "simulator", "ark.example", "localhost", "::1")
_HEADER = b"authorization"
_TRANSPORTS = (httpx.AsyncHTTPTransport, httpx.HTTPTransport, httpx.MockTransport, httpx.ASGITransport,
               EmbeddedTransport)  # fmt: skip
_PIECE = 1 << 18  # bytes: few enough to stay near the processor while they are searched


def forms(key: str) -> frozenset[bytes]:
    """The key as it may be written: plain, quoted, escaped, in two bytes a letter, in hex, in base64."""
    plain = key.encode()
    written = {
        plain,
        urllib.parse.quote(key).encode(),
        urllib.parse.quote_plus(key).encode(),
        urllib.parse.quote_plus(key).lower().encode(),
        html.escape(key).encode(),
        json.dumps(key)[1:-1].replace("/", "\\/").encode(),
        json.dumps(key)[1:-1].replace("&", "\\u0026").encode(),
        key.encode("utf-16-le"),
        plain.hex().encode(),
    }
    for before in range(3):
        # what stands before and behind it changes the letters at its ends
        letters = base64.b64encode(bytes(before) + plain).rstrip(b"=")
        sure = letters[-(-before * 4 // 3) : len(letters) - 1]
        written |= {sure, sure.replace(b"+", b"-").replace(b"/", b"_")}
    return frozenset(written)


class Canary:
    """Looks for one key.

    Attributes
    ----------
    carried
        How many requests had it where it belongs.
    strayed
        The requests that had it elsewhere, in words that do not show it.
    """

    def __init__(self, key: str) -> None:
        self._forms = forms(key)
        # gigabytes of clips are searched: what is in every form, in few ways of writing it
        self._cores = forms(max(re.findall("[0-9a-f]+", key), key=len))
        self._longest = max(map(len, self._cores))
        self.carried = 0
        self.strayed: list[str] = []

    def is_in(self, text: str | bytes) -> bool:
        """Whether a text has the key in any form."""
        data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
        return any(form in data for form in self._forms)

    def files(self, folder: Path) -> list[Path]:
        """The files below a folder that have it, in their names or in what they hold."""
        found = [
            Path(entry.path)
            for entry in _below(folder)
            if self.is_in(os.fsencode(entry.name))
            or (entry.is_file(follow_symlinks=False) and self._is_held_by(entry.path))
        ]
        return sorted(found)

    def sees(self, request: httpx.Request) -> None:
        """Judge a request that is about to leave."""
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        bearing = [name for name, value in headers if self.is_in(name) or self.is_in(value)]
        parts = [name.decode() for name in bearing if name != _HEADER]
        parts += ["the address"] if self.is_in(str(request.url)) else []
        try:
            parts += ["the body"] if self.is_in(request.content) else []
        except httpx.RequestNotRead:  # a stream: tests send such to their own servers, the package sends none
            parts += [] if _is_local(request.url.host) else ["perhaps the stream"]
        host = request.url.host
        if _HEADER in bearing and not (host in _SERVICE or _is_local(host)):
            parts.append("a header to a host that is not the service's")
        if parts:
            told = os.environ.get("PYTEST_CURRENT_TEST", "?")
            self.strayed.append(f"{request.method} to {host} had the key in {', '.join(parts)} during {told}")
        elif bearing:
            self.carried += 1

    def _is_held(self, text: bytes) -> bool:
        return any(core in text for core in self._cores)

    def _is_held_by(self, path: str) -> bool:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - ten thousand times
            end = b""
            while piece := file.read(_PIECE):
                if self._is_held(end + piece):
                    return True
                end = piece[-self._longest :]
        return False


def _below(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """All that a folder holds at any depth; with pathlib, naming the files took longer than reading them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)


def _is_local(host: str) -> bool:
    return host == "localhost" or host.startswith("127.")


def watched(canary: Canary, patch: pytest.MonkeyPatch) -> None:
    """Show a canary every request at the last place where one can still be read: its transport."""
    for transport in _TRANSPORTS:
        for name in ("handle_async_request", "handle_request"):
            if name in vars(transport):
                patch.setattr(transport, name, _shown(canary, vars(transport)[name]))


def _shown(canary: Canary, handle: Callable[..., object]) -> Callable[..., object]:
    @wraps(handle)
    def showing(transport: object, request: httpx.Request) -> object:
        canary.sees(request)
        return handle(transport, request)

    return showing


@pytest.fixture(scope="session", autouse=True)
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """The run's canary; the run fails with its last test if the key is anywhere it should not be."""
    watcher = Canary(KEY)
    with pytest.MonkeyPatch.context() as patch:
        watched(watcher, patch)
        yield watcher
    folder = tmp_path_factory.getbasetemp()
    found = [f"{path.relative_to(folder)} has the key" for path in watcher.files(folder)] + watcher.strayed
    if found:
        pytest.fail("\n".join(found), pytrace=False)
