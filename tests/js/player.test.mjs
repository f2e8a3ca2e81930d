import assert from "node:assert/strict";
import { test } from "node:test";

import { formatBytes, frameTime, keyAction } from "../../seedance_widgets/widgets/player.js";

test("a frame forward and back lands in the next and the same frame", () => {
  const duration = 121 / 24;
  let time = 0;
  for (let index = 1; index <= 120; index += 1) {
    time = frameTime(time, 1, 24, duration);
    // what a browser rounds to microseconds must still lie within the frame
    const rounded = Math.floor(time * 1e6) / 1e6;
    assert.equal(Math.floor(rounded * 24), index);
    time = rounded;
  }
  assert.equal(frameTime(time, 1, 24, duration), frameTime(time, 0, 24, duration), "the last frame is the last");
  for (let index = 119; index >= 0; index -= 1) {
    time = frameTime(time, -1, 24, duration);
    assert.equal(Math.floor(time * 24), index);
  }
  assert.equal(frameTime(0, -1, 24, duration), 0);
});

test("a step is one 24th of a second", () => {
  assert.ok(Math.abs(frameTime(1, 1, 24, 5) - 1 - 1 / 24) < 0.002);
  assert.ok(Math.abs(frameTime(1, -1, 24, 5) - 1 + 1 / 24) < 0.002);
});

test("bytes in words, as Python writes them", () => {
  assert.equal(formatBytes(1_234_567), "1.2 MB");
  assert.equal(formatBytes(100_000), "0.1 MB");
  assert.equal(formatBytes(52_754), "53 kB");
  assert.equal(formatBytes(12), "1 kB");
});

test("keys", () => {
  assert.deepEqual(keyAction(" ", false), { act: "toggle" });
  assert.deepEqual(keyAction("ArrowLeft", false), { act: "skip", by: -1 });
  assert.deepEqual(keyAction("ArrowRight", true), { act: "skip", by: 5 });
  assert.deepEqual(keyAction(",", false), { act: "frame", by: -1 });
  assert.deepEqual(keyAction(".", false), { act: "frame", by: 1 });
  assert.deepEqual(keyAction("m", false), { act: "mute" });
  assert.deepEqual(keyAction("F", true), { act: "full" });
  assert.equal(keyAction("Tab", false), null);
  assert.equal(keyAction("Enter", false), null);
});
