import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, clockOf, columns, correction, formatTime } from "../../seedance_widgets/widgets/compare.js";

test("two that are together are left alone", () => {
  assert.deepEqual(correction(2, 2, 5), { rate: 1, seek: null });
  assert.deepEqual(correction(2, 2.039, 5), { rate: 1, seek: null });
  assert.deepEqual(correction(2, 1.961, 5, { rate: 2 }), { rate: 2, seek: null });
});

test("beyond 40 ms the rate is changed, against the drift, and until they are close", () => {
  assert.ok(correction(2, 1.95, 5).rate > 1);
  assert.ok(correction(2, 2.05, 5).rate < 1);
  assert.ok(correction(2, 1.98, 5, { nudging: true }).rate > 1, "goes on within 40 ms");
  assert.deepEqual(correction(2, 1.995, 5, { nudging: true }), { rate: 1, seek: null });
});

test("who is ahead waits, who is behind seeks where it will be by then", () => {
  assert.deepEqual(correction(2, 2.3, 5), { rate: 0, seek: null });
  assert.deepEqual(correction(2, 1.7, 5, { lead: 0.05 }), { rate: 1, seek: 2.05 });
  assert.deepEqual(correction(2, 1.7, 5, { lead: 0.05, rate: 2 }), { rate: 2, seek: 2.1 });
});

test("after a seek that came down late the rate does the rest, so that no seek follows a seek", () => {
  assert.deepEqual(correction(2, 1.7, 5, { sought: true }), { rate: 2, seek: null });
});

test("far apart only a seek helps", () => {
  assert.deepEqual(correction(1, 4, 5), { rate: 1, seek: 1 });
  assert.deepEqual(correction(4, 1, 5, { sought: true }), { rate: 1, seek: 4 });
  assert.equal(correction(2, 2.3, 5, { rate: 0.25 }).seek, 2, "slow motion would wait too long");
});

test("a follower that is over holds its last frame", () => {
  assert.deepEqual(correction(4, 3.04, 3.04), { rate: 1, seek: null });
  assert.deepEqual(correction(4, 3.02, 3.04), { rate: 1, seek: null });
  assert.deepEqual(correction(4, 2, 3.04), { rate: 1, seek: 3.04 });
  assert.equal(correction(3, 1, 3.04, { lead: 0.5 }).seek, 3.04, "never beyond its end");
});

test("no rate that browsers refuse, and none that would not close the gap", () => {
  for (const rate of [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]) {
    for (let drift = -0.6; drift <= 0.6; drift += 0.003) {
      for (const sought of [true, false]) {
        const fix = correction(3, 3 + drift, 9, { rate, nudging: true, sought });
        assert.ok(fix.rate === 0 || (fix.rate >= 0.0625 && fix.rate <= 16), `${rate} ${drift} ${fix.rate}`);
        if (fix.seek === null && Math.abs(drift) > 0.011) {
          assert.ok(Math.sign(fix.rate - rate) === -Math.sign(drift), `${rate} ${drift} ${fix.rate}`);
        }
      }
    }
  }
});

/** Milliseconds until two frames, with a look every 40 ms and a seek that takes `latency`. */
function recovery(drift, rate, latency) {
  let master = 2, follower = 2 + drift, speed = rate, seeking = 0, target = 0, last = 0, sought = -1e9, lead = 0;
  for (let ms = 0; ms < 3000; ms += 1) {
    master += rate / 1000;
    if (seeking > 0) { seeking -= 1; follower = target; } else follower += speed / 1000;
    if (ms % 40 === 0 && seeking <= 0) {
      const how = { rate, lead, nudging: speed !== rate, sought: ms - sought < 1000 };
      const fix = correction(master, follower, 60, how);
      speed = fix.rate;
      if (fix.seek !== null) { target = fix.seek; seeking = latency; sought = ms; lead = latency / 1000; }
    }
    if (seeking > 0 || Math.abs(follower - master) > 0.083) last = ms + 1;
  }
  return last;
}

test("300 ms are mended within half a second at every rate, also where a seek takes 200 ms", () => {
  for (const rate of [0.5, 0.75, 1, 1.25, 1.5, 2]) {
    for (const drift of [0.3, -0.3]) {
      for (const latency of [5, 60, 200]) {
        const took = recovery(drift, rate, latency);
        assert.ok(took <= 500, `${drift} s at ${rate}x with seeks of ${latency} ms: ${took} ms`);
      }
    }
  }
});

test("the clock is the longest, the first of equals", () => {
  assert.equal(clockOf([5, 5, 3]), 0);
  assert.equal(clockOf([3, 5, 5]), 1);
  assert.equal(clockOf([5.04, 5.05, 3]), 0, "a frame of padding makes no longer clip");
  assert.equal(clockOf([]), -1);
});

test("times", () => {
  assert.equal(formatTime(0), "0:00.0");
  assert.equal(formatTime(2.46), "0:02.4");
  assert.equal(formatTime(59.99), "0:59.9");
  assert.equal(formatTime(60), "1:00.0");
  assert.equal(formatTime(75.3), "1:15.3");
});

test("columns by number, width and shape", () => {
  const wide = [2, 3, 4, 5, 6, 7, 8, 9].map((count) => columns(count, 1000));
  assert.deepEqual(wide, [2, 3, 2, 3, 3, 3, 3, 3]);
  assert.equal(columns(4, 1000, 9 / 16), 4);
  assert.equal(columns(3, 310), 2);
  assert.equal(columns(3, 309), 1, "the gap counts too");
  assert.equal(columns(9, 100), 1);
});

test("clamp keeps a value between two", () => {
  assert.deepEqual([-1, 3, 9].map((value) => clamp(value, 0, 5)), [0, 3, 5]);
});
