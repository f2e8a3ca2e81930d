import assert from "node:assert/strict";
import { test } from "node:test";

import { counts, moved, pressed } from "../../seedance_widgets/widgets/gallery.js";

test("a press asks for its verdict, and the same again takes it back", () => {
  const asked = {
    accept: [[null, "accept"], ["reject", "accept"], ["accept", null], ["star", null]],
    reject: [[null, "reject"], ["accept", "reject"], ["star", "reject"], ["reject", null]],
    star: [[null, "star"], ["accept", "star"], ["reject", "star"], ["star", "accept"]],
  };
  for (const [verb, cases] of Object.entries(asked)) {
    for (const [before, after] of cases) assert.equal(pressed(verb, before), after, `${verb} on ${before}`);
  }
});

test("a starred draft counts as accepted too", () => {
  assert.deepEqual(counts(["accept", "star", "star", "reject", null]),
    { all: 5, undecided: 1, accepted: 3, rejected: 1, starred: 2 });
  assert.deepEqual(counts([]), { all: 0, undecided: 0, accepted: 0, rejected: 0, starred: 0 });
});

test("arrows stay among the tiles, and the last row may be short", () => {
  // 0 1 2 / 3 4 5 / 6 7
  const led = (key, at) => moved(key, at, 3, 8);
  assert.deepEqual([0, 4, 7].map((at) => led("ArrowLeft", at)), [0, 3, 6]);
  assert.deepEqual([0, 2, 7].map((at) => led("ArrowRight", at)), [1, 3, 7]);
  assert.deepEqual([1, 4, 7].map((at) => led("ArrowUp", at)), [1, 1, 4]);
  assert.deepEqual([1, 4, 5, 6].map((at) => led("ArrowDown", at)), [4, 7, 7, 6]);
  assert.deepEqual([led("Home", 5), led("End", 5)], [0, 7]);
  assert.equal(led("x", 5), undefined);
});

test("in every grid an arrow leads to a tile that is there", () => {
  for (let count = 1; count < 30; count += 1) {
    for (let columns = 1; columns < 9; columns += 1) {
      for (let at = 0; at < count; at += 1) {
        for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]) {
          const to = moved(key, at, columns, count);
          assert.ok(to >= 0 && to < count, `${key} from ${at} of ${count} in ${columns}`);
        }
      }
    }
  }
});
