"""Every notebook by nbval, in a folder of its own: what a run makes never lands in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_said(notebook, tmp_path):
    shutil.copy(notebook, tmp_path)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", notebook.name, "--nbval", "--nbval-current-env", "-q", "-rA",
            f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}", "-p", "no:cacheprovider", "--rootdir=.",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout.splitlines()[-1]


def test_there_are_notebooks():
    assert NOTEBOOKS
