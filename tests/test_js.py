"""The widgets' arithmetic in JavaScript, by node's own test runner; and the rules for their files."""

from __future__ import annotations

import base64
import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from seedance_widgets.widgets import front_end

HERE = Path(__file__).parent
WIDGETS = HERE.parent / "seedance_widgets" / "widgets"
MODULES = sorted(set(WIDGETS.glob("*.js")) - {WIDGETS / "shared.js"})


@pytest.fixture
def node():
    found = shutil.which("node")
    if found is None:
        reason = "no node: apt-get install nodejs (Debian), or put one on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def test_arithmetic(node):
    files = [str(path) for path in sorted((HERE / "js").glob("*.test.mjs"))]
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", [*MODULES, WIDGETS / "shared.js"], ids=lambda path: path.stem)
def test_a_module_loads_nothing_but_what_is_shared(module):
    text = module.read_text("utf-8")
    assert set(re.findall(r'\bfrom "([^"]*)"', text)) <= {"./shared.js"}
    assert not re.search(r'^import\s*"|\bimport\((?!"\./shared\.js"\)\.View)', text, re.MULTILINE)
    assert not re.search(r"https?://(?!www\.w3\.org/)\w", text)
    assert "innerHTML" not in text


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_widget_has_one_file_of_each_kind(module):
    assert module.with_suffix(".py").exists()
    assert module.with_suffix(".css").exists()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_what_a_page_gets_is_one_whole_module(module, node):
    text = front_end.join_module(module)
    assert not re.search(r"^import\b|^ *(//|/?\*)", text, re.MULTILINE)
    done = subprocess.run(
        [node, "--input-type=module"], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_what_a_notebook_keeps_is_that_module_at_half_of_its_bytes(module):
    text, packed = front_end.join_module(module), front_end.pack_module(module)
    (kept,) = re.findall(r'^const packed = "([^"]*)";$', packed, re.MULTILINE)
    assert gzip.decompress(base64.b64decode(kept)).decode() == text
    assert len(packed) < 0.5 * len(text) + 1_000
    assert packed == front_end.pack_module(module), "or a notebook changes at every run"
