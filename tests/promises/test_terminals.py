"""Outputs of every kind: what is printed never stops the work, and no terminal obeys what a stranger wrote."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

import seedance_widgets as sw
from seedance_widgets.errors import TaskFailed
from seedance_widgets.terminal import printable, say

SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
HOSTILE = "小猫 \x1b[2J\x1b]0;owned\x07 \u202e 🦊 \x9b31m"
COMMAND = [sys.executable, "-m", "seedance_widgets.cli"]
# encoding, and where the output goes, for a shell
OUTPUTS = {
    "utf-8": ("utf-8", "| cat"),
    "gbk": ("gbk", "| cat"),
    "cp1252": ("cp1252", "| cat"),
    "ascii": ("ascii", "| cat"),
    "closed": ("utf-8", ">&-"),
    "broken": ("utf-8", "| true"),
    "full": ("utf-8", "> /dev/full"),
}
CALLS = """
import time, warnings; warnings.simplefilter("ignore")
import seedance_widgets as sw
time.sleep(0.3)  # until a reader that reads nothing has gone
kw = dict(model="seedance-1-5-pro", resolution="480p", ratio="1:1", duration=4)
with sw.Studio("runs", simulate=sw.Simulator(speed=2000)) as studio:
    draft = sw.run(studio.generate(prompt, draft=True, **kw))
    draft.show()
    assert sw.run(sw.run(studio.promote(draft, resolution="480p"))).status == "succeeded"
    assert len(sw.run(studio.chain([prompt, "it runs"], **kw))) == 2
    study = studio.study("fox", arms={"a": "{item}", "b": "{item}, slow"}, items=[prompt, "a hare"], **kw)
    study.plan(win_rate=0.65, power=0.8)
    sw.run(study.run())
    assert (studio.log.to_pandas()["status"] == "succeeded").all()
open("done", "w").close()
"""


def shell(command, output, folder):
    """Run a command whose output goes to one of `OUTPUTS`; what arrived, and what its error output says."""
    encoding, where = OUTPUTS[output]
    line = f"{{ {shlex.join(command)}; echo $? >status; }} {where}"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, cwd=folder, env=environment, timeout=300, check=False
    )
    status = (folder / "status").read_text() if (folder / "status").exists() else ""
    return int(status or -1), done.stdout.decode(encoding), done.stderr.decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home") / "runs"
    with sw.Studio(home, simulate=sw.Simulator(speed=2000)) as studio:
        sw.run(studio.generate(HOSTILE, **SMALL))
    return home


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_call_that_prints_works_on(tmp_path, output):
    script = tmp_path / "script.py"
    script.write_text(f"prompt = {HOSTILE!a}\n{CALLS}")
    shell([sys.executable, str(script)], output, tmp_path)
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("command", [["log"], ["log", "--csv", "tasks.csv"], ["resume", "--simulate"]])
def test_every_command_does_its_work(home, tmp_path, output, command):
    name, *options = command
    arguments = [options[0], str(tmp_path / options[1])] if name == "log" and options else options
    status, printed, told = shell([*COMMAND, name, str(home), *arguments], output, tmp_path)
    assert "Traceback" not in told
    assert "Exception ignored" not in told
    assert status == (1 if output in ("broken", "full") else 0)
    if output == "full":
        assert told == (
            "seedance-widgets: the output could not be written: [Errno 28] No space left on device\n"
        )
    else:
        assert told == ""
    if "--csv" in command:
        assert HOSTILE in (tmp_path / "tasks.csv").read_bytes().decode()
    if "cat" in OUTPUTS[output][1]:
        assert "1 task" in printed or "0 unfinished" in printed
        assert printable(printed) == printed


@pytest.mark.parametrize("output", [name for name in OUTPUTS if "cat" not in OUTPUTS[name][1]])
@pytest.mark.parametrize("command", ["simulate", "webhook"])
def test_what_serves_goes_on_without_an_output(home, output, command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = (
        ["--port", str(port)] if command == "simulate" else [str(home), "--simulate", "--port", str(port)]
    )
    _, where = OUTPUTS[output]
    # the shell becomes the command, where no pipe is in the way
    line = f"exec {shlex.join([*COMMAND, command, *arguments])} " + (
        "> >(true)" if where == "| true" else where
    )
    with subprocess.Popen(["bash", "-c", line], stderr=subprocess.PIPE, text=True) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    assert httpx.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 404
                    break
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            server.send_signal(signal.SIGTERM)
        told = server.stderr.read()
    assert "Traceback" not in told
    assert "Exception ignored" not in told
    assert server.returncode == (1 if output in ("broken", "full") else 0)


@pytest.mark.parametrize("stream", [None, object(), io.BytesIO()])
def test_whatever_stands_for_an_output_nothing_is_raised(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    assert (say("x") is None) is (stream is None)
    assert (say("x", error=True) is None) is (stream is None)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\ttext\n小猫 👩‍🚀 é", "plain\ttext\n小猫 👩‍🚀 é"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m\x07\x00\x7f\r", r"\x9b31m\x07\x00\x7f\r"),
        ("a\u202eb\u2066c\u2028d", r"a\u202eb\u2066c\u2028d"),
    ],
)
def test_control_characters_are_spelled_out(written, shown):
    assert printable(written) == shown


async def test_no_error_task_or_warning_carries_an_escape_sequence(studio, simulator):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected", message=HOSTILE)
    task = await studio.submit(HOSTILE, **SMALL)
    with pytest.raises(TaskFailed) as caught:
        await task
    assert "owned" in str(caught.value)
    simulator.faults.refuse(400, "InvalidParameter", message=HOSTILE)
    with pytest.raises(sw.RequestRejected) as refused:
        await studio.submit(HOSTILE, **SMALL)
    with pytest.raises(sw.InvalidRequest) as illegal:
        sw.TaskRequest("x", model="\x1b[2J")
    with pytest.warns(sw.LegacyFlagsWarning) as warned:
        sw.TaskRequest(f"a fox --no {HOSTILE}", **SMALL)
    shown = [str(caught.value), str(refused.value), str(illegal.value), repr(task), str(warned[0].message)]
    assert [text for text in shown if printable(text) != text] == []
    assert refused.value.message.startswith(HOSTILE)  # as the service wrote it, for programs
