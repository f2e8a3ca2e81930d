import assert from "node:assert/strict";
import { test } from "node:test";

import { clockOf, columns, correction, formatTime, waits } from "../../seedance_widgets/widgets/compare.js";

/** A follower at a time, of a duration. */
const at = (currentTime, duration = 5, seeking = false) => ({ currentTime, duration, seeking });

test("two that are together are left alone", () => {
  assert.deepEqual(correction(2, at(2)), { rate: 1, seek: null });
  assert.deepEqual(correction(2, at(2.039)), { rate: 1, seek: null });
  assert.deepEqual(correction(2, at(1.961), { rate: 2 }), { rate: 2, seek: null });
  assert.ok(!waits(2, at(1.961), false));
});

test("beyond 40 ms the rate is changed, against the drift, and until they are close", () => {
  assert.ok(correction(2, at(1.95)).rate > 1);
  assert.ok(correction(2, at(2.05)).rate < 1);
  assert.ok(correction(2, at(1.98), { nudging: true }).rate > 1, "goes on within 40 ms");
  assert.deepEqual(correction(2, at(1.995), { nudging: true }), { rate: 1, seek: null });
});

test("who is ahead waits; for who is late the clock waits, and nobody seeks", () => {
  assert.deepEqual(correction(2, at(2.3)), { rate: 0, seek: null });
  assert.ok(!waits(2, at(2.3), false));
  assert.ok(waits(2, at(1.7), false));
  assert.ok(waits(2, at(1.9), true), "until they are together");
  assert.ok(!waits(2, at(1.9), false), "a little is made up on the way");
  assert.deepEqual(correction(2, at(1.7), { held: true }), { rate: 2, seek: null });
  assert.deepEqual(correction(2, at(2), { held: true }), { rate: 0, seek: null }, "all others stand with the clock");
});

test("the clock waits for who is on its way to where it is, and goes on to where one will be that went ahead", () => {
  assert.ok(waits(2, at(1.7, 5, true), false));
  assert.ok(waits(2, at(2, 5, true), false));
  assert.ok(!waits(2, at(2.3, 5, true), false));
});

test("far apart only a seek helps", () => {
  assert.deepEqual(correction(1, at(4)), { rate: 1, seek: 1 });
  assert.deepEqual(correction(4, at(1), { held: true }), { rate: 0, seek: 4 });
  assert.equal(correction(2, at(2.3), { rate: 0.25 }).seek, 2, "slow motion would wait too long");
  assert.equal(correction(2, at(1.7), { rate: 0.25, held: true }).seek, null, "it catches up at full speed");
});

test("a follower that is over holds its last frame, and nobody waits for it", () => {
  assert.deepEqual(correction(4, at(3.04, 3.04)), { rate: 1, seek: null });
  assert.deepEqual(correction(4, at(3.02, 3.04)), { rate: 1, seek: null });
  assert.deepEqual(correction(4, at(2, 3.04)), { rate: 1, seek: 3.04 });
  assert.ok(!waits(4, at(2, 3.04, true), false));
  assert.ok(!waits(4, at(2, 3.04), true));
});

test("no rate that browsers refuse, and none that would not close the gap", () => {
  for (const rate of [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]) {
    for (let drift = -0.6; drift <= 0.6; drift += 0.003) {
      for (const held of [true, false]) {
        const fix = correction(3, at(3 + drift, 9), { rate, held, nudging: true }), pace = held ? 0 : rate;
        assert.ok(fix.rate === 0 || (fix.rate >= 0.0625 && fix.rate <= 16), `${rate} ${drift} ${fix.rate}`);
        if (fix.seek === null && Math.abs(drift) > 0.011 && !(held && drift > 0)) {
          assert.ok(Math.sign(fix.rate - pace) === -Math.sign(drift), `${rate} ${drift} ${fix.rate}`);
        }
      }
    }
  }
});

/** Milliseconds until two frames after one was pulled, with a look every 40 ms and at each seek, of `latency`. */
function recovery(drift, rate, latency, clockIsPulled) {
  const clock = at(2 + (clockIsPulled ? drift : 0), 60, clockIsPulled);
  const follower = at(2 + (clockIsPulled ? 0 : drift), 60, !clockIsPulled);
  let last = 0, held = false, pace = rate, speed = rate, seeking = latency;
  const look = () => {
    held = clock.seeking || waits(clock.currentTime, follower, held);
    pace = held ? 0 : rate;
    if (follower.seeking) return;
    const fix = correction(clock.currentTime, follower, { rate, held, nudging: speed !== pace });
    speed = fix.rate;
    if (fix.seek !== null) [follower.currentTime, follower.seeking, seeking] = [fix.seek, true, latency];
  };
  look();
  for (let ms = 0; ms < 3000; ms += 1) {
    if (!clock.seeking) clock.currentTime += pace / 1000;
    if (!follower.seeking) follower.currentTime += speed / 1000;
    if ((clock.seeking || follower.seeking) && !(seeking -= 1)) { clock.seeking = follower.seeking = false; look(); }
    if (ms % 40 === 0) look();
    if (clock.seeking || follower.seeking || Math.abs(follower.currentTime - clock.currentTime) > 0.083) last = ms + 1;
  }
  return last;
}

test("300 ms are mended within half a second at every rate, also where the pull itself takes 200 ms", () => {
  for (const rate of [0.5, 0.75, 1, 1.25, 1.5, 2]) {
    for (const drift of [0.3, -0.3]) {
      for (const latency of [5, 60, 200]) {
        for (const clock of [false, true]) {
          const took = recovery(drift, rate, latency, clock);
          assert.ok(took <= 500, `${clock ? "clock" : "follower"} ${drift} s at ${rate}x, seeks ${latency} ms: ${took} ms`);
        }
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
