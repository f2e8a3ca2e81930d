import assert from "node:assert/strict";
import test from "node:test";

import {
  focusAfter,
  leftOut,
  parts,
  progress,
  room,
  title,
} from "../../seedance_widgets/widgets/input_picker.js";

test("a file is cut into parts without a gap", () => {
  assert.deepEqual(parts(10, 4), [[0, 4], [4, 8], [8, 10]]);
  assert.deepEqual(parts(8, 4), [[0, 4], [4, 8]]);
  assert.deepEqual(parts(3, 4), [[0, 3]]);
  assert.deepEqual(parts(0, 4), [[0, 0]]);
  assert.equal(parts(4 * 1024 * 1024).length, 1);
  assert.equal(parts(4 * 1024 * 1024 + 1).length, 2);
});

test("progress in words", () => {
  assert.equal(progress("fox.png", 8_400_000, 21_000_000), "Sending fox.png: 8.4 of 21.0 MB");
});

test("room for more", () => {
  assert.equal(room(0, 1, false), 1);
  assert.equal(room(1, 1, false), 1);
  assert.equal(room(3, 4, true), 1);
  assert.equal(room(5, 4, true), 0);
});

test("what was left out", () => {
  assert.equal(leftOut(1, 1, 1), "");
  assert.equal(leftOut(3, 1, 1), "2 left out: one picture is taken here.");
  assert.equal(leftOut(3, 2, 4), "1 left out: at most 4 pictures are taken here.");
});

test("the title counts where there may be several", () => {
  assert.equal(title("First frame", 1, 1, false), "First frame");
  assert.equal(title("References", 2, 4, true), "References (2 of at most 4)");
});

test("the focus stays with what was pressed", () => {
  assert.deepEqual(focusAfter("remove", 1, 3), [1, "remove"]);
  assert.deepEqual(focusAfter("remove", 2, 2), [1, "remove"]);
  assert.equal(focusAfter("remove", 0, 0), null);
  assert.deepEqual(focusAfter("right", 0, 3), [1, "right"]);
  assert.deepEqual(focusAfter("right", 1, 3), [2, "left"]);
  assert.deepEqual(focusAfter("left", 1, 3), [0, "right"]);
  assert.deepEqual(focusAfter("left", 2, 3), [1, "left"]);
});
