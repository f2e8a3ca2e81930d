import assert from "node:assert/strict";
import test from "node:test";

import {
  centerCrop,
  grown,
  lost,
  moved,
  offsetCrop,
  ratioParts,
  resized,
  toScreen,
  toSource,
  warnings,
} from "../../seedance_widgets/widgets/cropper.js";

const RATIOS = ["16:9", "4:3", "1:1", "3:4", "9:16", "21:9"];
const SIDES = ["n", "e", "s", "w", "nw", "ne", "se", "sw"];

/** The same numbers in every run. */
function* numbers(seed) {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function exactAndInside([width, height], ratio, [x, y, w, h]) {
  const [a, b] = ratioParts(ratio);
  assert.equal(w * b, h * a);
  assert.ok([x, y, w, h].every(Number.isInteger));
  assert.ok(x >= 0 && y >= 0 && x + w <= width && y + h <= height && w > 0);
}

test("a ratio in lowest terms", () => {
  assert.deepEqual(ratioParts("21:9"), [7, 3]);
  assert.deepEqual(ratioParts("16:9"), [16, 9]);
  assert.deepEqual(ratioParts("1:1"), [1, 1]);
});

test("the service's own window", () => {
  assert.deepEqual(centerCrop([1920, 1080], "21:9"), [0, 128, 1920, 823]);
  assert.deepEqual(centerCrop([1600, 900], "1:1"), [350, 0, 900, 900]);
  assert.deepEqual(centerCrop([900, 1600], "1:1"), [0, 350, 900, 900]);
  assert.deepEqual(centerCrop([1600, 900], "16:9"), [0, 0, 1600, 900]);
  assert.deepEqual(centerCrop([1600, 900], "adaptive"), [0, 0, 1600, 900]);
});

test("a moved window has the exact ratio, and moves by what was asked", () => {
  const size = [1920, 1080];
  const rect = centerCrop(size, "21:9");
  const once = moved(size, "21:9", rect, 0, 1);
  assert.deepEqual(once, [0, 129, 1918, 822]);
  assert.deepEqual(moved(size, "21:9", once, 0, -10), [0, 119, 1918, 822]);
  assert.deepEqual(moved(size, "21:9", once, 9999, 9999), [2, 258, 1918, 822]);
});

test("each handle leaves what is across from it in place", () => {
  const [size, rect] = [[2000, 1500], [400, 300, 800, 600]];
  const still = {
    n: ([, y, , h]) => y + h,
    s: ([, y]) => y,
    e: ([x]) => x,
    w: ([x, , w]) => x + w,
  };
  for (const handle of SIDES) {
    for (const by of [-160, -3, 40, 120]) {
      const after = resized(size, "4:3", rect, handle, by, by, 1);
      exactAndInside(size, "4:3", after);
      for (const side of handle) assert.equal(still[side](after), still[side](rect), `${handle} ${by}`);
    }
  }
});

test("an edge grows the window evenly on both sides, a corner follows the diagonal", () => {
  const size = [2000, 1500];
  assert.deepEqual(resized(size, "4:3", [400, 300, 800, 600], "e", 80, 500), [400, 270, 880, 660]);
  assert.deepEqual(resized(size, "4:3", [400, 300, 800, 600], "s", 500, 60), [360, 300, 880, 660]);
  assert.deepEqual(resized(size, "4:3", [400, 300, 800, 600], "se", 80, 60), [400, 300, 880, 660]);
  assert.deepEqual(resized(size, "4:3", [400, 300, 800, 600], "nw", 80, 60), [480, 360, 720, 540]);
  // at right angles to the diagonal: nothing
  assert.deepEqual(resized(size, "4:3", [400, 300, 800, 600], "se", 60, -80), [400, 300, 800, 600]);
});

test("a window is never smaller than asked, nor larger than the picture", () => {
  const [size, rect] = [[2000, 1500], [400, 300, 800, 600]];
  assert.deepEqual(resized(size, "4:3", rect, "se", -9999, -9999, 101), [400, 300, 404, 303]);
  assert.deepEqual(resized(size, "4:3", rect, "se", 9999, 9999), [400, 300, 1600, 1200]);
  assert.deepEqual(grown(size, "4:3", rect, 9999), [0, 0, 2000, 1500]);
  assert.deepEqual(grown(size, "4:3", rect, -9999, 101), [598, 449, 404, 303]);
});

test("larger and smaller keep the middle", () => {
  const [size, rect] = [[2000, 1500], [400, 300, 800, 600]];
  assert.deepEqual(grown(size, "4:3", rect, 2), [396, 297, 808, 606]);
  assert.deepEqual(grown(size, "4:3", rect, -10), [420, 315, 760, 570]);
});

test("whatever is done to a window, it is exact and inside", () => {
  const next = numbers(7);
  const pick = (low, high) => low + Math.floor(next.next().value * (high - low + 1));
  for (let i = 0; i < 3000; i += 1) {
    const size = [pick(301, 5999), pick(301, 5999)];
    const ratio = RATIOS[pick(0, 5)];
    let rect = centerCrop(size, ratio);
    for (let step = 0; step < 6; step += 1) {
      const by = [next.next().value * 900 - 450, next.next().value * 900 - 450];
      const kind = pick(0, 3);
      if (kind === 0) rect = moved(size, ratio, rect, ...by);
      else if (kind === 1) rect = grown(size, ratio, rect, pick(-20, 20), 8);
      else rect = resized(size, ratio, rect, SIDES[pick(0, 7)], ...by, 8);
      exactAndInside(size, ratio, rect);
    }
  }
});

test("screen and source pixels", () => {
  assert.equal(toSource(50, [2000, 1500], 500), 200);
  assert.equal(toSource(50, [2000, 1500], 0), 0);
  assert.deepEqual(toScreen([2000, 1500], [400, 300, 800, 600]), [20, 20, 40, 40]);
});

test("words about a window", () => {
  const share = lost([1600, 900], [350, 0, 900, 900]);
  assert.ok(Math.abs(share - 0.4375) < 1e-9);
  assert.deepEqual(warnings([1600, 900], [350, 0, 900, 900], [640, 640], 301), [
    "The cut loses 44 % of the picture.",
  ]);
  assert.deepEqual(warnings([1600, 900], [0, 0, 1600, 900], [1280, 720], 301), []);
  assert.deepEqual(warnings([1600, 900], [0, 0, 1600, 900], [], 301), []);
  assert.deepEqual(warnings([640, 360], [0, 0, 480, 270], [960, 540], 301), [
    "The cut loses 44 % of the picture.",
    "The service takes sides of at least 301 px.",
    "The window has fewer pixels than the clip: it is enlarged 2.00 times.",
  ]);
});
