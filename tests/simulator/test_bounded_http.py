"""Strangers at a served port, the webhook's or the simulator's: they take no more than so many connections."""

from __future__ import annotations

import contextlib
import socket
import time
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

import seedance_widgets as sw
from seedance_widgets.following.webhook import Receiver, Webhook
from seedance_widgets.simulator import bounded_http

SECRET = "s" * 40
WAITS = {
    "without a word": b"",
    "within the header": b"POST /x HTTP/1.1\r\nHost: x\r\n",
    "within the body": b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
}


@pytest.fixture(params=["webhook", "simulator"])
def address(request):
    with contextlib.ExitStack() as stack:
        if request.param == "webhook":
            receiver = Receiver(SECRET, known=lambda _: None, hint=lambda _: None)
            url = stack.enter_context(Webhook(receiver, SECRET)).url
        else:
            simulator = sw.Simulator(speed=200)
            stack.callback(simulator.close)
            url = stack.enter_context(simulator.serve()) + "/contents/generations/tasks/cgt-1"
        yield url


def connect(url, stack):
    parts = urlsplit(url)
    return stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=10))


def is_answered(url):
    """Whether somebody else is heard, whatever the answer says."""
    return httpx.post(url, content=b"{}", timeout=10).status_code in (400, 401, 404, 405)


@pytest.mark.parametrize("sent", WAITS.values(), ids=WAITS)
def test_idle_connections_do_not_keep_others_out(address, monkeypatch, sent):
    monkeypatch.setattr(bounded_http, "_MOST", 30)
    before = psutil.Process().num_fds()
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            connect(address, stack).sendall(sent)
        assert is_answered(address)
        # ours are 150 of them; the server keeps 30, and perhaps takes in some more at once
        assert psutil.Process().num_fds() - before < 150 + 30 + bounded_http.BACKLOG
        assert is_answered(address)


def test_a_header_that_never_ends_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(bounded_http, "_HEADER_SECONDS", 0.3)
    with contextlib.ExitStack() as stack:
        slow = connect(address, stack)
        slow.sendall(WAITS["within the header"])
        end = time.monotonic() + 10
        with contextlib.suppress(ConnectionError):
            while slow.recv(1):
                assert time.monotonic() < end
    assert is_answered(address)


def test_a_second_header_on_a_kept_connection_is_not_waited_for_either(address, monkeypatch):
    monkeypatch.setattr(bounded_http, "_HEADER_SECONDS", 0.3)
    with contextlib.ExitStack() as stack:
        slow = connect(address, stack)
        slow.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(4096).startswith(b"HTTP/1.1 4")
        slow.sendall(WAITS["within the header"])
        with contextlib.suppress(ConnectionError):
            while slow.recv(4096):
                pass
