import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, expiry, progress, span, timing } from "../../seedance_widgets/widgets/board.js";

test("spans are said as people say them", () => {
  const said = { 0: "0 s", 39.6: "40 s", 59.6: "1 min", 125: "2 min 5 s", 3600: "1 h", 4200: "1 h 10 min",
    86399: "23 h 59 min", 86400: "1 d", 532800: "6 d 4 h" };
  for (const [seconds, words] of Object.entries(said)) assert.equal(span(Number(seconds)), words);
  assert.equal(span(-3), "0 s");
});

test("the bar rises for ever and is never full", () => {
  let before = -1;
  for (let elapsed = 0; elapsed < 400; elapsed += 1) {
    const now = progress(elapsed, 40);
    assert.ok(now > before && now < 1, `${elapsed}: ${now}`);
    before = now;
  }
  assert.equal(progress(20, 40), 0.425);
  assert.equal(progress(40, 40), 0.85);
  assert.equal(progress(-5, 40), 0);
  assert.ok(progress(1, 0) < 1);
});

test("the time of a task says what is usual, and nothing where nothing is known", () => {
  const live = { start: 1000, pace: { usual: 40, late: 50, words: "usually 40 s", from: "" } };
  assert.equal(timing(live, 13_000), "12 s, usually 40 s");
  assert.equal(timing(live, 51_000), "50 s, usually 40 s");
  assert.equal(timing(live, 62_000), "1 min 1 s, longer than usual (usually 40 s)");
  assert.equal(timing(live, 0), "0 s, usually 40 s");
  assert.equal(timing({ ...live, pace: { ...live.pace, words: "" } }, 99_000), "1 min 38 s");
  assert.equal(timing({ start: 1000, took: 41.7 }, 99_000), "took 42 s");
  assert.equal(timing({ start: 1000 }, 99_000), "");
});

test("what is gone already is not said to expire", () => {
  const expiring = [{ what: "2 clips not saved yet, the first gone in", until: 3_600_000 },
    { what: "1 draft without a final, gone in", until: 7_200_000 }];
  assert.equal(expiry(expiring, 0),
    "2 clips not saved yet, the first gone in 1 h · 1 draft without a final, gone in 2 h");
  assert.equal(expiry(expiring, 3_600_000), "1 draft without a final, gone in 1 h");
  assert.equal(expiry(expiring, 7_200_000), "");
});

test("the clock is the machine's own", () => {
  assert.ok(Math.abs(clock.now() - Date.now()) < 1000);
});
