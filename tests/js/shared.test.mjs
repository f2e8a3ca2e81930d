import assert from "node:assert/strict";
import { test } from "node:test";

import { Patience, Requests, View, clamp, firstEvent, isNotebookShortcut, megabytes, mendDrift } from "../../seedance_widgets/widgets/shared.js";

test("a value is kept between two others", () => {
  assert.deepEqual([-1, 0, 3, 5, 7, 9].map((value) => clamp(value, 0, 5)), [0, 0, 3, 5, 5, 5]);
});

test("bytes are said in megabytes", () => {
  assert.equal(megabytes(4_837_000), "4.8 MB");
});

test("only what saves the notebook or runs a cell is left to it", () => {
  const key = (name, held = {}) => isNotebookShortcut({ key: name, ...held });
  assert.ok(key("s", { ctrlKey: true }));
  assert.ok(key("s", { metaKey: true }));
  assert.ok(key("Enter", { altKey: true }));
  assert.ok(key("Enter", { shiftKey: true }));
  for (const name of ["d", "x", "Enter", " ", "ArrowLeft"]) assert.ok(!key(name), name);
  assert.ok(!key("ArrowLeft", { shiftKey: true }));
});

/** A view that notes what is called. */
class Noted extends View {
  calls = [];

  build() {
    this.calls.push("build");
    this.root = "root";
  }

  listen() {
    this.calls.push("listen");
  }

  start() {
    this.calls.push("start");
  }

  end() {
    this.calls.push("end");
  }
}

test("a view is built, put into the page, listens, starts, and ends", (t) => {
  globalThis.window = new EventTarget();
  t.after(() => delete globalThis.window);
  const ending = new AbortController();
  const view = new Noted({ signal: ending.signal });
  view.mount({ append: (root) => view.calls.push(`append ${root}`) });
  assert.deepEqual(view.calls, ["build", "append root", "listen", "start"]);
  ending.abort();
  assert.equal(view.calls.at(-1), "end");
});

test("listeners end with the view", () => {
  const ending = new AbortController();
  const view = new View({ signal: ending.signal });
  const target = new EventTarget();
  const heard = [];
  view.on(target, "one two", ({ type }) => heard.push(type));
  target.dispatchEvent(new Event("one"));
  target.dispatchEvent(new Event("two"));
  ending.abort();
  target.dispatchEvent(new Event("one"));
  assert.deepEqual(heard, ["one", "two"]);
});

test("the model's listeners end with the view", () => {
  const ending = new AbortController();
  const listeners = new Map();
  const model = { on: (name, listener) => listeners.set(name, listener), off: (name) => listeners.delete(name) };
  new View({ model, signal: ending.signal }).hear({ "change:a": () => {}, "change:b change:c": () => {} });
  assert.deepEqual([...listeners.keys()], ["change:a", "change:b change:c"]);
  ending.abort();
  assert.equal(listeners.size, 0);
});

test("the first of some events is enough, and none at all for so long", async () => {
  const { signal } = new AbortController();
  const target = new EventTarget();
  const first = firstEvent(target, ["seeked", "error"], 60_000, signal);
  target.dispatchEvent(new Event("error"));
  await first;
  await firstEvent(target, ["seeked"], 1, signal);
});

test("silence is told of once, however often one asks", async () => {
  let told = 0;
  const patience = new Patience(() => (told += 1), 1);
  patience.start();
  patience.start();
  await new Promise((resolve) => {
    new Patience(resolve, 20).start();
  });
  assert.equal(told, 1);
});

test("an answer in time is not late", async () => {
  const called = [];
  const answered = new Patience(() => called.push("answered"), 1);
  answered.start();
  answered.stop();
  await new Promise((resolve) => {
    new Patience(resolve, 5).start();
  });
  assert.deepEqual(called, []);
});

test("a drift is left alone, mended by the rate, or by a seek", () => {
  const how = { far: 0.5, gain: 8, most: 1 };
  assert.deepEqual(mendDrift(2, 2.03, how), { rate: 1, seek: null });
  assert.deepEqual(mendDrift(2, 2.03, { ...how, nudging: true }), { rate: 0.8, seek: null });
  assert.deepEqual(mendDrift(2, 1.95, how), { rate: 1.4, seek: null });
  assert.deepEqual(mendDrift(2, 2.4, how), { rate: 0, seek: null });
  assert.deepEqual(mendDrift(2, 2.6, { ...how, pace: 0.5 }), { rate: 0.5, seek: 2 });
});

test("what is asked for twice is sent once, and answered to both", async () => {
  const sent = [];
  const requests = new Requests((content) => sent.push(content));
  const [first, second] = [requests.load(3), requests.load(3)];
  const other = requests.load(4);
  assert.deepEqual(sent, [{ kind: "load", id: 3 }, { kind: "load", id: 4 }]);
  requests.receive({ kind: "poster", id: 3 }, [new Uint8Array([9])]);
  requests.receive({ kind: "loaded", id: 3, type: "text/plain" }, [new TextEncoder().encode("words")]);
  assert.equal(await (await first).text(), "words");
  assert.equal(await second, await first);
  requests.receive({ kind: "failed", id: 4, reason: "there is no such file" });
  await assert.rejects(other, /there is no such file/);
});

test("what is not wanted any more is rejected, and a late answer is nobody's", async () => {
  const requests = new Requests(() => {});
  const unwanted = requests.load(1);
  requests.abandon();
  await assert.rejects(unwanted);
  requests.receive({ kind: "loaded", id: 1, type: "" }, [new Uint8Array()]);
});
