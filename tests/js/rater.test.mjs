import assert from "node:assert/strict";
import { test } from "node:test";

import { correction, enough, nextSound, stopwatch } from "../../seedance_widgets/widgets/rater.js";

test("two that are together are left alone", () => {
  assert.deepEqual(correction(2, 2), { rate: 1, seek: null });
  assert.deepEqual(correction(2, 2.039), { rate: 1, seek: null });
  assert.deepEqual(correction(2, 1.961), { rate: 1, seek: null });
});

test("a change of rate mends a small drift, and goes on until they are close", () => {
  assert.ok(correction(2, 1.9).rate > 1);
  assert.ok(correction(2, 2.1).rate < 1);
  assert.ok(correction(2, 1.98, true).rate > 1, "goes on within 40 ms");
  assert.deepEqual(correction(2, 1.995, true), { rate: 1, seek: null });
});

test("far apart a seek mends it, and no rate is one that browsers refuse", () => {
  assert.deepEqual(correction(1, 4), { rate: 1, seek: 1 });
  for (let drift = -0.3; drift <= 0.3; drift += 0.002) {
    const { rate, seek } = correction(3, 3 + drift, true);
    assert.equal(seek, null);
    assert.ok(rate >= 0.0625 && rate <= 4, `${drift}: ${rate}`);
    if (Math.abs(drift) > 0.011) assert.equal(Math.sign(rate - 1), -Math.sign(drift), `${drift}: ${rate}`);
  }
});

test("every drift is gone within a second", () => {
  for (let drift = -0.3; drift <= 0.3; drift += 0.02) {
    let clock = 2, follower = 2 + drift, rate = 1;
    for (let ms = 0; ms < 1000; ms += 1) {
      if (ms % 40 === 0) rate = correction(clock, follower, rate !== 1).rate;
      clock += 0.001;
      follower += rate / 1000;
    }
    assert.ok(Math.abs(follower - clock) <= 0.04, `${drift}: ${follower - clock}`);
  }
});

test("half of each, not of one", () => {
  assert.equal(enough([2.5, 2.5], 5), true);
  assert.equal(enough([5, 2.4], 5), false);
  assert.equal(enough([0, 0], 5), false);
});

test("sound goes off, left, right; with one clip on top it is that one's or off", () => {
  assert.deepEqual([0, 1, 2].map((sound) => nextSound(sound, 0)), [1, 2, 0]);
  assert.deepEqual([0, 1, 2].map((sound) => nextSound(sound, 1)), [1, 0, 0]);
  assert.deepEqual([0, 2].map((sound) => nextSound(sound, 2)), [2, 0]);
});

test("the watch counts only while it runs", () => {
  let now = 1000;
  const watch = stopwatch(() => now);
  now += 500;
  assert.equal(watch.seconds(), 0);
  watch.start();
  now += 1500;
  assert.equal(watch.seconds(), 1.5);
  watch.start();
  assert.equal(watch.seconds(), 1.5, "a second start starts nothing anew");
  watch.stop();
  now += 60_000;
  assert.equal(watch.seconds(), 1.5);
  watch.stop();
  watch.start();
  now += 250;
  assert.equal(watch.seconds(), 1.75);
  watch.reset();
  now += 1000;
  assert.equal(watch.seconds(), 0);
});
