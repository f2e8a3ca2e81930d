import assert from "node:assert/strict";
import { test } from "node:test";

import { choose, filterBy, sortBy, summary } from "../../seedance_widgets/widgets/log_table.js";

const PAGE = ["a", "b", "c", "d", "e"];
const QUERY = { search: "fox", sort: "created_at", down: true, filters: {}, page: 3, size: 25 };

test("a row is chosen and given up again", () => {
  assert.deepEqual(choose([], PAGE, "b"), ["b"]);
  assert.deepEqual(choose(["b", "z"], PAGE, "b"), ["z"]);
});

test("all rows between two are chosen, in either direction, and what is on other pages stays", () => {
  assert.deepEqual(choose(["z", "c"], PAGE, "d", "b"), ["z", "b", "c", "d"]);
  assert.deepEqual(choose([], PAGE, "a", "c"), ["a", "b", "c"]);
  assert.deepEqual(choose([], PAGE, "a", "gone"), ["a"]);
});

test("a column is sorted, then the other way round, from the first page", () => {
  const up = sortBy(QUERY, "usd");
  assert.deepEqual([up.sort, up.down, up.page], ["usd", false, 0]);
  assert.equal(sortBy(up, "usd").down, true);
  assert.equal(up.search, "fox");
});

test("a filter is set, and taken away", () => {
  const only = filterBy(QUERY, "status", "failed");
  assert.deepEqual([only.filters, only.page], [{ status: ["failed"] }, 0]);
  assert.deepEqual(filterBy(only, "status", "").filters, {});
  assert.deepEqual(filterBy(only, "tags.campaign", "(nothing)").filters["tags.campaign"], [""]);
});

test("where one is, in words", () => {
  assert.equal(summary({ page: 1, size: 25 }, { found: 10004, total: 10004 }), "26–50 of 10,004");
  assert.equal(summary({ page: 0, size: 25 }, { found: 3, total: 10004 }), "1–3 of 3 found of 10,004");
  assert.equal(summary({ page: 0, size: 25 }, { found: 0, total: 5 }), "none of 5 found");
  assert.equal(summary({ page: 0, size: 25 }, { found: 0, total: 0 }), "no tasks yet");
});
