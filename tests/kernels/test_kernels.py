"""Generate pressed while a kernel is busy, on the ipykernels that people have.

Where a widget callback runs depends on the kernel's version: on the main thread, or in a subshell's thread
with a loop of its own. Older kernels are installed beside the environment, under ``--soak`` and in CI.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest
from jupyter_client.manager import KernelManager

NEWEST = "newest"
OLDER = ("6.30.1", "7.3.0")
OPEN = """
import time, asyncio, threading
import seedance_widgets as sw
studio = sw.Studio("HOME", simulate=sw.Simulator(speed=60))
form = sw.ParameterForm(studio)
form._prompt.value = "a fox"
for name, value in dict(resolution="480p", ratio="1:1", duration="4").items():
    form._controls[name].set(value)
print("button", form._button.model_id)
"""
BAD_WORDS = ("different loop", "SQLite objects created", "never awaited", "Traceback")


class Kernel:
    """A kernel and a client that can press buttons."""

    def __init__(self, folder, extra_path) -> None:
        paths = [str(extra_path)] if extra_path else []
        paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.said = ""

    def start(self, code):
        """Run a cell, do not wait."""
        return self.client.execute(code)

    def wait(self, msg_id, timeout=60):
        """The text of a cell's outputs once it is done, errors included."""
        text, deadline = "", time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=timeout)
            content = message["content"]
            if message["msg_type"] == "stream":
                self.said += content["text"] if content["name"] == "stderr" else ""
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            text += content.get("text", "") + content.get("ename", "")
            text += str(content.get("data", {}).get("text/plain", ""))
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return text
        raise AssertionError(f"the cell did not end: {text}")

    def run(self, code):
        """Run a cell to its end."""
        return self.wait(self.start(code))

    def press(self, button, subshell=None):
        """What a front end sends for a click."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": button, "data": data})
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def subshell(self):
        """The id of a new subshell, None where the kernel has none."""
        if "kernel subshells" not in self.client.kernel_info(reply=True)["content"].get(
            "supported_features", ()
        ):
            return None
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        return self.client.get_control_msg(timeout=20)["content"]["subshell_id"]

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", params=[NEWEST, *OLDER])
def version_path(request, tmp_path_factory):
    if request.param == NEWEST:
        return None
    if not (request.config.getoption("--soak") or os.environ.get("CI") == "true"):
        pytest.skip("older kernels: pytest --soak")
    target = tmp_path_factory.mktemp(f"ipykernel-{request.param}")
    # by itself: what it needs is what the newest needs, and stands in the environment
    command = [
        sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target),
        f"ipykernel=={request.param}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def shared_kernel(version_path, tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), version_path)
    if version_path:
        assert str(version_path) in kernel.run("import ipykernel; print(ipykernel.__file__)")
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(shared_kernel, request):
    """A form on a home of its own; ``button`` is its Generate."""
    shared_kernel.said = ""
    home = re.sub(r"\W", "_", request.node.originalname)
    shared_kernel.button = re.search(r"button (\w+)", shared_kernel.run(OPEN.replace("HOME", home)))[1]
    yield shared_kernel
    shared_kernel.run("studio.close()")


def rows(kernel, count):
    """The statuses of the log's rows, once there are so many and all have ended."""
    code = (
        "deadline = time.monotonic() + 30\n"
        "while time.monotonic() < deadline:\n"
        "    frame = studio.log.to_pandas()\n"
        f"    if len(frame) == {count} and frame['file'].eq('saved').all(): break\n"
        "    time.sleep(0.05)\n"
        "print('rows', list(frame['status']), list(frame['file']), frame['seed'].equals(frame['requested_seed']))"
    )
    return kernel.run(code)


def test_generate_while_the_kernel_is_busy(kernel):
    busy = {
        "idle": "1",
        "awaiting": "await asyncio.sleep(1.5)",
        "sleeping": "time.sleep(1.5)",
    }
    for count, cell in enumerate(busy.values(), start=1):
        running = kernel.start(cell)
        time.sleep(0.4)
        kernel.press(kernel.button)
        kernel.wait(running)
        assert f"rows {['succeeded'] * count} {['saved'] * count} True" in rows(kernel, count)
    if subshell := kernel.subshell():
        running = kernel.start("time.sleep(1.5)")
        time.sleep(0.4)
        kernel.press(kernel.button, subshell)
        kernel.wait(running)
        assert f"rows {['succeeded'] * 4} {['saved'] * 4} True" in rows(kernel, 4)
    assert not [words for words in BAD_WORDS if words in kernel.said], kernel.said


def test_an_error_appears_under_the_form(kernel):
    kernel.run("studio.submit = None")  # what no one expects
    kernel.press(kernel.button)
    said = kernel.run("time.sleep(0.5); print(form._status.value)")
    assert "TypeError" in said


def test_an_interrupt_ends_the_wait_and_not_the_task(kernel):
    kernel.run("slow = sw.Studio('slow', simulate=sw.Simulator(speed=6))")
    kernel.run("task = await slow.submit('a fox', resolution='480p', ratio='1:1', duration=4)")
    waiting = kernel.start("await task")
    time.sleep(1)
    kernel.manager.interrupt_kernel()
    ended = kernel.wait(waiting, timeout=10)
    assert "KeyboardInterrupt" in ended or "CancelledError" in ended
    assert "succeeded" in kernel.run("await task\nprint(task.status)")
