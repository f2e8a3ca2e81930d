"""The JavaScript and CSS of the widgets, as a page gets them and a notebook keeps them.

A widget's module imports its helpers from ``shared.js``, which node resolves as it is. A notebook has no such
file beside it and loads nothing from a network, so there both are one text. A notebook also keeps that text
for every widget it shows. So it is kept without comments and compressed, at a third of the files' bytes, and
the browser unpacks it. The rules of ``shared.css`` are written for the inside of a widget's root element, by
CSS nesting.
"""

from __future__ import annotations

import base64
import gzip
import re
from functools import cache
from pathlib import Path

import ipywidgets as w

__all__ = ["join_module", "join_stylesheet", "pack_module", "style"]

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./shared\.js";\n', re.MULTILINE)
# comments stand on lines of their own
_COMMENT = re.compile(r"^[ ]*(?:/\*\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const)", re.MULTILINE)
_PACKED = """\
// {name} of the Python package seedance_widgets, compressed, as a notebook keeps it for every widget.
const packed = "{text}";
const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
const module = await new Response(stream, {{ headers: {{ "Content-Type": "text/javascript" }} }}).blob();
const address = URL.createObjectURL(module);
const {{ default: widget }} = await import(address);
URL.revokeObjectURL(address);
export default widget;
"""


def join_module(file: Path) -> str:
    """One ES module without comments: a widget's own, after ``shared.js`` where it imports from there.

    Parameters
    ----------
    file
        The widget's ``.js`` file.
    """
    text, imports = _IMPORT.subn("", _read(file))
    if imports:
        text = f"{_EXPORT.sub('', _read(_HERE / 'shared.js'))}\n{text}"
    return _COMMENT.sub("", text)


def pack_module(file: Path) -> str:
    """A small ES module that unpacks `join_module` in the browser and has its default export."""
    text = gzip.compress(join_module(file).encode(), mtime=0)
    return _PACKED.format(name=file.name, text=base64.b64encode(text).decode())


def join_stylesheet(file: Path) -> str:
    """A widget's own rules after the shared ones, which hold inside its root element only.

    Parameters
    ----------
    file
        The widget's ``.css`` file; ``player.css`` has the root ``.sw-player-root``.
    """
    return f".sw-{file.stem}-root {{\n{_read(_HERE / 'shared.css')}}}\n{_read(file)}"


def style(stem: str) -> w.HTML:
    """An invisible element that brings in ``stem.css``, for what is made of ipywidgets controls."""
    element = w.HTML(f"<style>{_read(_HERE / f'{stem}.css')}</style>")
    element.layout.display = "none"
    return element


@cache
def _read(file: Path) -> str:
    return file.read_text("utf-8")
