"""The widgets' arithmetic in JavaScript, by node's own test runner; and the rules for their files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = sorted((HERE.parent / "seedance_widgets" / "widgets").glob("*.js"))


def test_arithmetic():
    node = shutil.which("node")
    if node is None:
        reason = "no node: apt-get install nodejs (Debian), or put one on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    files = [str(path) for path in sorted((HERE / "js").glob("*.test.mjs"))]
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_stands_alone(module):
    text = module.read_text("utf-8")
    assert len(text.encode()) <= 12 * 1024
    assert not re.search(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org/)\w", text, re.MULTILINE)
    assert "innerHTML" not in text
    assert module.with_suffix(".py").exists()
    assert module.with_suffix(".css").exists()
