"""Every notebook by nbval, in a folder of its own: what a run makes never lands in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_AT_A_TIME = 2


def run(notebook, folder):
    """What nbval says of one notebook, run in a folder of its own."""
    shutil.copy(notebook, folder)
    command = [
        sys.executable, "-m", "pytest", notebook.name, "--nbval", "--nbval-current-env", "-q", "-rA",
        f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}", "-p", "no:cacheprovider", "--rootdir=.",
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """The notebooks that are asked for, each being run: they mostly wait for their clips, so some go at a time."""
    callers = [
        item.callspec.params
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield {
            each["notebook"]: pool.submit(run, each["notebook"], tmp_path_factory.mktemp("run"))
            for each in callers
        }


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_said(notebook, runs):
    done = runs[notebook].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout.splitlines()[-1]


def test_there_are_notebooks():
    assert NOTEBOOKS
