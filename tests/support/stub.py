"""A widget's real JS and CSS in a real browser, with a stub in place of the kernel.

A small local server hands out the widget's module and style sheet, as a notebook gets them, and a page with
JupyterLab's colours. The stub model keeps what the widget sets and sends, so that a gesture can be checked in
seconds. `StubPage.exchange` goes one step further and carries everything to a Python widget and back, still
without a kernel.
"""

from __future__ import annotations

import base64
import http.server
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from seedance_widgets.widgets import front_end

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDGETS = Path(__file__).parents[2] / "seedance_widgets" / "widgets"
SHARED = ("_esm", "_css", "_anywidget_id", "layout", "tabbable", "tooltip", "comm")
# What JupyterLab 4's own themes set on :root.
_BOTH = """
  --jp-ui-font-size0: 0.83333em; --jp-ui-font-size1: 13px; --jp-ui-font-size2: 1.2em; --jp-ui-font-size3: 1.44em;
  --jp-ui-font-family: system-ui, -apple-system, "Segoe UI", helvetica, arial, sans-serif;
  --jp-code-font-family: menlo, consolas, "DejaVu Sans Mono", monospace; --jp-code-font-size: 13px;
  --jp-border-radius: 2px; --jp-border-width: 1px; --jp-widgets-font-size: 13px;
"""
# What JupyterLab 4 sets on elements of any output, which a widget's rule of one class does not undo.
_OUTPUT = """
.jp-OutputArea-output :is(dl, dt, dd) { display: block; margin: 0; padding: 0; }
.jp-OutputArea-output dl { width: 100%; overflow: hidden; }
.jp-OutputArea-output dt { float: left; width: 20%; font-weight: bold; }
.jp-OutputArea-output dd { float: left; width: 80%; }
.jp-ThemedContainer a { color: unset; text-decoration: unset; }
.jp-ThemedContainer button { border-radius: var(--jp-border-radius); }
"""
_THEMES = {
    "light": """
  --jp-layout-color0: white; --jp-layout-color1: white; --jp-layout-color2: #eee; --jp-layout-color3: #bdbdbd;
  --jp-layout-color4: #757575; --jp-inverse-layout-color0: #111; --jp-inverse-layout-color1: #212121;
  --jp-inverse-layout-color2: #424242; --jp-inverse-layout-color3: #616161; --jp-inverse-layout-color4: #757575;
  --jp-ui-font-color0: #000; --jp-ui-font-color1: rgba(0,0,0,.87); --jp-ui-font-color2: rgba(0,0,0,.54);
  --jp-ui-font-color3: rgba(0,0,0,.38); --jp-ui-inverse-font-color0: #fff; --jp-ui-inverse-font-color1: #fff;
  --jp-ui-inverse-font-color2: rgba(255,255,255,.7); --jp-content-font-color0: #000;
  --jp-content-font-color1: rgba(0,0,0,.87); --jp-content-font-color2: rgba(0,0,0,.54);
  --jp-content-link-color: #0d47a1; --jp-border-color0: #bdbdbd; --jp-border-color1: #bdbdbd;
  --jp-border-color2: #e0e0e0; --jp-border-color3: #eee; --jp-brand-color0: #0d47a1; --jp-brand-color1: #1976d2;
  --jp-brand-color2: #64b5f6; --jp-brand-color3: #bbdefb; --jp-accent-color1: #388e3c;
  --jp-warn-color0: #e65100; --jp-warn-color1: #f57c00; --jp-warn-color2: #ffb74d; --jp-warn-color3: #ffe0b2;
  --jp-error-color0: #b71c1c; --jp-error-color1: #d32f2f; --jp-error-color2: #e57373; --jp-error-color3: #ffcdd2;
  --jp-success-color0: #1b5e20; --jp-success-color1: #388e3c; --jp-success-color2: #81c784;
  --jp-success-color3: #c8e6c9; --jp-info-color0: #006064; --jp-info-color1: #0097a7;
  --jp-cell-editor-background: #f5f5f5; --jp-input-background: #f5f5f5; --jp-input-active-background: white;
""",
    "dark": """
  --jp-layout-color0: #111; --jp-layout-color1: #212121; --jp-layout-color2: #424242; --jp-layout-color3: #616161;
  --jp-layout-color4: #757575; --jp-inverse-layout-color0: white; --jp-inverse-layout-color1: white;
  --jp-inverse-layout-color2: #eee; --jp-inverse-layout-color3: #bdbdbd; --jp-inverse-layout-color4: #757575;
  --jp-ui-font-color0: #fff; --jp-ui-font-color1: rgba(255,255,255,.87); --jp-ui-font-color2: rgba(255,255,255,.54);
  --jp-ui-font-color3: rgba(255,255,255,.38); --jp-ui-inverse-font-color0: #000;
  --jp-ui-inverse-font-color1: rgba(0,0,0,.8); --jp-ui-inverse-font-color2: rgba(0,0,0,.5);
  --jp-content-font-color0: #fff; --jp-content-font-color1: #fff; --jp-content-font-color2: rgba(255,255,255,.7);
  --jp-content-link-color: #64b5f6; --jp-border-color0: #616161; --jp-border-color1: #616161;
  --jp-border-color2: #424242; --jp-border-color3: #212121; --jp-brand-color0: #1976d2; --jp-brand-color1: #2196f3;
  --jp-brand-color2: #64b5f6; --jp-brand-color3: #bbdefb; --jp-accent-color1: #4caf50;
  --jp-warn-color0: #f57c00; --jp-warn-color1: #ff9800; --jp-warn-color2: #ffb74d; --jp-warn-color3: #ffe0b2;
  --jp-error-color0: #d32f2f; --jp-error-color1: #f44336; --jp-error-color2: #e57373; --jp-error-color3: #ffcdd2;
  --jp-success-color0: #388e3c; --jp-success-color1: #4caf50; --jp-success-color2: #81c784;
  --jp-success-color3: #c8e6c9; --jp-info-color0: #0097a7; --jp-info-color1: #00bcd4;
  --jp-cell-editor-background: #212121; --jp-input-background: #424242; --jp-input-active-background: #111;
""",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>stub</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>:root { color-scheme: %(theme)s; %(both)s %(colours)s }
body { margin: 0; padding: 8px; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1);
  font: var(--jp-ui-font-size1)/1.3 var(--jp-ui-font-family); }
%(output)s</style>
%(css)s<script src="/stub.js"></script></head>
<body data-jp-theme-light="%(light)s"><main class="jp-OutputArea-output jp-ThemedContainer"><div id="root"></div></main></body></html>
"""

# The parts of anywidget's model that a widget may use, with Backbone's manners: `set` fires at once where
# the value differs, `save_changes` is what reaches Python.
_STUB_JS = """
(() => {
  const heard = new Map(), state = {}, saved = {}, sent = [], urls = new Set(), controller = new AbortController();
  let pending = {}, saves = 0;
  const fire = (name, ...args) => { for (const f of [...(heard.get(name) ?? [])]) f(...args); };
  const put = (name, value) => {
    if (JSON.stringify(state[name]) === JSON.stringify(value)) { state[name] = value; return; }
    state[name] = value; fire("change:" + name, model, value, {}); fire("change", model, {});
  };
  const model = {
    get: (name) => state[name],
    set(name, value) {
      const all = typeof name === "object" ? name : { [name]: value };
      for (const [key, item] of Object.entries(all)) { pending[key] = item; put(key, item); }
    },
    save_changes() { saves += 1; Object.assign(saved, structuredClone(pending)); pending = {}; },
    send(content, callbacks, buffers) {
      const copies = (buffers ?? []).map((b) => b instanceof ArrayBuffer ? b.slice(0)
        : b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength));
      sent.push({ content: structuredClone(content), buffers: copies });
    },
    on(names, f) { for (const n of names.split(" ")) { if (!heard.has(n)) heard.set(n, []); heard.get(n).push(f); } },
    off(names, f) {
      for (const n of names ? names.split(" ") : [...heard.keys()])
        heard.set(n, f ? (heard.get(n) ?? []).filter((g) => g !== f) : []);
    },
    widget_manager: { get_model() { throw new Error("the stub has no other models"); } },
  };
  const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL);
  URL.createObjectURL = (blob) => { const url = make(blob); urls.add(url); return url; };
  URL.revokeObjectURL = (url) => { urls.delete(url); drop(url); };
  const bytes64 = (buffer) => {
    let text = ""; const all = new Uint8Array(buffer);
    for (let i = 0; i < all.length; i += 32768) text += String.fromCharCode(...all.subarray(i, i + 32768));
    return btoa(text);
  };
  const view = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  let cleanup;
  window.stub = {
    async mount(address, initial) {
      Object.assign(state, initial);
      const widget = (await import(address)).default;
      const parts = typeof widget === "function" ? await widget() : widget;
      await parts.initialize?.({ model, signal: controller.signal, experimental: {} });
      const el = document.getElementById("root");
      cleanup = await parts.render({ model, el, signal: controller.signal, experimental: {} });
    },
    abort() { controller.abort(); cleanup?.(); },
    set: put,
    message: (content, buffers) => fire("msg:custom", content, buffers.map(view)),
    sent: (from) => sent.slice(from).map((m) => m.content),
    buffers: (at) => sent.at(at).buffers.map(bytes64),
    saved: () => saved, state: () => state, saves: () => saves, urls: () => [...urls],
    listening: () => Object.fromEntries([...heard].map(([n, f]) => [n, f.length]).filter(([, n]) => n)),
  };
})();
"""


class StubServer:
    """Hands out the page, the stub, and the widgets' own files, on a free local port."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content, kind = _answer(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _answer(path: str) -> tuple[bytes | None, str]:
    asked = urlsplit(path)
    if asked.path == "/stub.js":
        return _STUB_JS.encode(), "text/javascript"
    if asked.path == "/page":
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        theme, stem = query["theme"], query["stem"]
        has_css = (WIDGETS / f"{stem}.css").exists()
        page = _PAGE % {
            "theme": theme,
            "both": _BOTH,
            "colours": _THEMES[theme],
            "output": _OUTPUT,
            "css": f'<link rel="stylesheet" href="/{stem}.css">' if has_css else "",
            "light": "true" if theme == "light" else "false",
        }
        return page.encode(), "text/html; charset=utf-8"
    file = WIDGETS / Path(asked.path).name
    if file.suffix == ".js" and file.exists():
        return front_end.join_module(file).encode(), "text/javascript"
    if file.suffix == ".css" and file.exists():
        return front_end.join_stylesheet(file).encode(), "text/css"
    return None, "text/plain"


class StubPage:
    """One page with one mounted widget.

    ``errors`` collects what the page threw or logged as an error, and every request that left the stub
    server; a test that leaves any fails.
    """

    def __init__(self, page: Page, server: StubServer, stem: str, state: dict[str, Any], theme: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self._delivered = 0
        self._carried = 0
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: self._local(request.url, server.url))
        page.goto(f"{server.url}/page?stem={stem}&theme={theme}")
        page.evaluate("([address, state]) => stub.mount(address, state)", [f"{server.url}/{stem}.js", state])

    def _local(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:", "blob:", "about:")):
            self.errors.append(f"left for {url}")

    # --- what the widget did ---------------------------------------------------------------------------------

    def sent(self) -> list[Any]:
        """Messages that the JS sent with ``model.send``, oldest first, without their buffers."""
        return self.page.evaluate("() => stub.sent(0)")

    def buffers(self, index: int = -1) -> list[bytes]:
        """The buffers of one sent message, by default the last."""
        return [base64.b64decode(text) for text in self.page.evaluate("(at) => stub.buffers(at)", index)]

    def state(self) -> dict[str, Any]:
        """Traits that the JS set and saved."""
        return self.page.evaluate("() => stub.saved()")

    def saves(self) -> int:
        """How often the JS called ``save_changes``."""
        return self.page.evaluate("() => stub.saves()")

    def trait(self, name: str) -> Any:
        """A trait as the front end has it now, whoever set it."""
        return self.page.evaluate("(name) => stub.state()[name]", name)

    def live_urls(self) -> list[str]:
        """Blob URLs made and not yet revoked."""
        return self.page.evaluate("() => stub.urls()")

    def listening(self) -> dict[str, int]:
        """Listeners that are still on the model, by event."""
        return self.page.evaluate("() => stub.listening()")

    # --- what Python does ------------------------------------------------------------------------------------

    def message(self, content: Any, buffers: list[bytes] | tuple[bytes, ...] = ()) -> None:
        """Deliver a custom message from "Python"."""
        texts = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers]
        self.page.evaluate("([content, buffers]) => stub.message(content, buffers)", [content, texts])

    def set(self, name: str, value: Any) -> None:
        """Set a trait from "Python"; listeners hear of it where it differs."""
        self.page.evaluate("([name, value]) => stub.set(name, value)", [name, value])

    def abort(self) -> None:
        """End the view: abort its signal, and call what ``render`` returned."""
        self.page.evaluate("() => stub.abort()")

    def exchange(self, widget: Any) -> None:
        """Carry what the JS saved and sent since the last call to a Python widget, and its answers back.

        The widget's ``send`` is replaced on that one object; messages sent before the first call are lost,
        as they are where no view is open.
        """
        answers: list[tuple[Any, Any]] = []
        widget.send = lambda content, buffers=None: answers.append((content, buffers or ()))
        saves = self.saves()
        if saves > self._carried:
            self._carried = saves
            widget.set_state(self.state())
        fresh = self.page.evaluate("(from) => stub.sent(from)", self._delivered)
        for content in fresh:
            buffers = [memoryview(buffer) for buffer in self.buffers(self._delivered)]
            self._delivered += 1
            widget._handle_custom_msg(content, buffers)
        for name, value in synced(widget).items():
            self.set(name, value)
        for content, buffers in answers:
            self.message(content, buffers)


def synced(widget: Any) -> dict[str, Any]:
    """The widget's own synced traits as JSON, as a page's first state."""
    return {
        name: value
        for name, value in widget.get_state().items()
        if name not in SHARED and not name.startswith(("_model", "_view", "_dom"))
    }


def stem_of(widget: Any) -> str:
    """``"cropper"`` of that stem, of the widget class, or of a widget."""
    if isinstance(widget, str):
        return widget
    kind = widget if isinstance(widget, type) else type(widget)
    return kind.__module__.rsplit(".", 1)[-1]


def open_stub(
    browser: Browser,
    server: StubServer,
    widget: Any,
    state: dict[str, Any] | None,
    *,
    theme: str = "light",
    width: int = 1000,
    height: int = 800,
    touch: bool = False,
    reduced_motion: bool = False,
) -> StubPage:
    """A page of its own with that widget mounted; ``state`` is by default the widget's own."""
    if state is None:
        state = synced(widget)
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        has_touch=touch,
        reduced_motion="reduce" if reduced_motion else "no-preference",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.set_default_timeout(10_000)
    return StubPage(page, server, stem_of(widget), state, theme)


def axe_violations(page: Page, within: str | None = None) -> list[str]:
    """Serious and critical violations that axe-core finds, one line a node; [] is a pass. ``within``: a selector."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, within, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {' '.join(map(str, node['target']))} "
        f"{node['html'][:160]} - {(node.get('failureSummary') or '').splitlines()[-1].strip()}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
