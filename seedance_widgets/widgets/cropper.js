/**
 * The window that a clip's ratio leaves of a picture, by the arithmetic of inputs/crop.py. Rectangles are
 * [x, y, width, height] in whole pixels of the source. A window that was moved or resized is `units` times
 * a:b in lowest terms, so its ratio is exact. Python hears of it once a gesture.
 *
 * @typedef {[number, number, number, number]} Rect
 * @typedef {[number, number]} Size
 */

import { View, blobUrl, clamp, consume, elementMaker, isNotebookShortcut, widgetOf } from "./shared.js";

const HANDLES = ["n", "e", "s", "w", "nw", "ne", "se", "sw"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const GROWTH = { "+": 1, "=": 1, "-": -1, _: -1 };
// The share of a picture whose loss is told of.
const MUCH_LOST = 0.3;

/** "21:9" as [7, 3]. @param {string} ratio @returns {Size} */
export function ratioParts(ratio) {
  const [left, right] = ratio.split(":").map(Number);
  let [divisor, rest] = [left, right];
  while (rest) [divisor, rest] = [rest, divisor % rest];
  return [left / divisor, right / divisor];
}

/** The window that the service itself keeps. @param {Size} size @param {string} ratio @returns {Rect} */
export function centerCrop([width, height], ratio) {
  if (ratio === "adaptive") return [0, 0, width, height];
  const [a, b] = ratioParts(ratio);
  const divideRounded = (dividend, divisor) => Math.max(1, Math.floor((2 * dividend + divisor) / (2 * divisor)));
  const keptWidth = width * b > height * a ? divideRounded(height * a, b) : width;
  const keptHeight = width * b < height * a ? divideRounded(width * b, a) : height;
  const x = Math.floor((width - keptWidth) / 2);
  const y = Math.floor((height - keptHeight) / 2);
  return [x, y, keptWidth, keptHeight];
}

/** Units of the largest exact window that fits. @param {Size} size @param {string} ratio */
export function largest([width, height], ratio) {
  const [a, b] = ratioParts(ratio);
  return Math.min(Math.floor(width / a), Math.floor(height / b));
}

/** A window of exactly the ratio, kept inside the picture. @param {Size} size @returns {Rect} */
export function offsetCrop(size, ratio, x, y, units) {
  const kept = clamp(Math.round(units), 1, largest(size, ratio));
  const [width, height] = ratioParts(ratio).map((part) => part * kept);
  const place = (wanted, room) => clamp(Math.round(wanted), 0, room);
  return [place(x, size[0] - width), place(y, size[1] - height), width, height];
}

/** Moved by source pixels. @param {Size} size @param {string} ratio @param {Rect} rect @returns {Rect} */
export function moved(size, ratio, [x, y, width, height], dx, dy) {
  return offsetCrop(size, ratio, x + dx, y + dy, largest([width, height], ratio));
}

/**
 * Resized by a handle ("n", "se", ...) that was pulled by source pixels; the side or corner across stays.
 * A corner follows the pointer's projection onto the diagonal. Without a handle, the middle stays.
 * @param {Size} size @param {string} ratio @param {Rect} rect @param {string} handle
 * @param {number} dx @param {number} dy @param {number} least units
 * @returns {Rect}
 */
export function resized(size, ratio, rect, handle, dx, dy, least = 1) {
  const [a, b] = ratioParts(ratio);
  const [x, y, width, height] = rect;
  const [north, south, west, east] = [..."nswe"].map((side) => handle.includes(side));
  const pulledWidth = width + (west ? -dx : dx);
  const pulledHeight = height + (north ? -dy : dy);
  // the room from the side that stays
  const roomAcross = east ? size[0] - x : west ? x + width : size[0];
  const roomDown = south ? size[1] - y : north ? y + height : size[1];
  const most = Math.min(Math.floor(roomAcross / a), Math.floor(roomDown / b));
  const alongSide = east || west ? pulledWidth / a : pulledHeight / b;
  const alongDiagonal = (pulledWidth * a + pulledHeight * b) / (a * a + b * b);
  const wanted = handle.length === 2 ? alongDiagonal : alongSide;
  const units = clamp(Math.round(wanted), Math.min(least, most), most);
  const spareWidth = width - units * a;
  const spareHeight = height - units * b;
  const left = x + spareWidth * (east ? 0 : west ? 1 : 0.5);
  const upper = y + spareHeight * (south ? 0 : north ? 1 : 0.5);
  return offsetCrop(size, ratio, left, upper, units);
}

/** Larger by units, around its middle. @param {Size} size @param {string} ratio @param {Rect} rect @returns {Rect} */
export function grown(size, ratio, rect, by, least = 1) {
  const [, , width, height] = rect;
  const wantedHeight = (largest([width, height], ratio) + by) * ratioParts(ratio)[1];
  return resized(size, ratio, rect, "", 0, wantedHeight - height, least);
}

/**
 * A distance on the screen in source pixels.
 * @param {number} distance @param {Size} size @param {number} shown how wide the picture is on the screen
 */
export function toSource(distance, size, shown) {
  return shown ? (distance * size[0]) / shown : 0;
}

/** A rectangle in percent of the picture. @param {Size} size @param {Rect} rect @returns {Rect} */
export function toScreen(size, rect) {
  return rect.map((part, index) => (100 * part) / size[index % 2]);
}

/** Share of the picture that is cut away. @param {Size} size @param {Rect} rect */
export function lost(size, rect) {
  return 1 - (rect[2] * rect[3]) / (size[0] * size[1]);
}

/**
 * What a person should know before they send this window.
 * @param {Size} size @param {Rect} rect @param {Size} target of the clip @param {number} least pixels of a side
 * @returns {string[]}
 */
export function warnings(size, rect, target, least) {
  const [, , width, height] = rect;
  const found = [];
  const share = lost(size, rect);
  if (share > MUCH_LOST) found.push(`The cut loses ${Math.round(share * 100)} % of the picture.`);
  if (Math.min(width, height) < least) found.push(`The service takes sides of at least ${least} px.`);
  const times = Math.max(target[0] / width, target[1] / height);
  const enlarged = `it is enlarged ${times.toFixed(2)} times`;
  if (times > 1) found.push(`The window has fewer pixels than the clip: ${enlarged}.`);
  return found;
}

const make = elementMaker("cropper");

/** @param {Size} size */
function pixels([width, height]) {
  return `${width} × ${height} px`;
}

class CropperView extends View {
  /** @type {Rect} */
  rect = [0, 0, 1, 1];
  address = "";
  /** @type {{id: number, handle?: string, from: Rect, start: [number, number]} | null} while a pointer is down */
  gesture = null;
  /** @type {Rect | null} the rectangle before the keys went down */
  beforeKeys = null;

  build() {
    this.buildStage();
    this.buildPanel();
    this.notice = make("p.notice");
    this.error = make("p.error", { "aria-live": "polite" });
    this.root = make("div.root", {}, this.stage, this.panel, this.notice, this.error);
  }

  buildStage() {
    const waiting = make("div.waiting", {}, "Waiting for the picture");
    this.picture = make("img.picture", { draggable: "false", hidden: true });
    this.shade = make("div.shade");
    const handles = HANDLES.map((side) => make(`span.${side}`, { "data-handle": side }));
    const label = "Crop window: arrow keys move it, plus and minus resize it";
    this.frame = make("div.window", { tabindex: 0, role: "application", "aria-label": label }, ...handles);
    const clip = make("div.clip", {}, this.shade);
    this.stage = make("div.stage", {}, waiting, this.picture, clip, this.frame);
  }

  buildPanel() {
    // the height follows
    const names = ["x", "y", "width"];
    this.inputs = names.map((name) => make(`input.${name}`, { type: "number", min: 0 }));
    const labels = this.inputs.map((input, index) => make("label.field", {}, names[index], input));
    this.centre = make("button.centre", { type: "button" }, "Centre");
    const attributes = { role: "group", "aria-label": "Crop window in pixels" };
    this.fields = make("div.fields", attributes, ...labels, this.centre);
    this.sourceFact = make("dd.picture-fact");
    this.windowFact = make("dd.window-fact");
    this.clipFact = make("dd.clip-fact");
    const [picture, window, clip] = ["Picture", "Window", "Clip"].map((term) => make("dt.term", {}, term));
    const facts = make("dl.facts", {}, picture, this.sourceFact, window, this.windowFact, clip, this.clipFact);
    this.warnings = make("ul.warnings");
    // for the ear: the eye has the facts above
    this.status = make("p.status", { "aria-live": "polite" });
    this.status.classList.add("sw-heard");
    this.panel = make("div.panel", {}, this.fields, facts, this.warnings, this.status);
  }

  listen() {
    this.on(this.frame, "pointerdown", (event) => this.press(event));
    this.on(this.frame, "pointermove", (event) => this.drag(event));
    this.on(this.frame, "pointerup pointercancel lostpointercapture", (event) => this.release(event));
    this.on(this.frame, "keydown", (event) => this.pressKey(event));
    this.on(this.frame, "keyup blur", () => this.releaseKeys());
    this.inputs.forEach((input, index) => this.on(input, "change", () => this.takeNumber(index)));
    this.on(this.centre, "click", () => this.settle(centerCrop(...this.geometry), this.rect));
    this.hear({
      "change:rect change:ratio change:size change:target change:facts": () => this.takeState(),
      "change:error": () => this.draw(),
      "change:picture": () => this.requestPicture(),
      "msg:custom": (content, buffers) => this.receive(content, buffers),
    });
  }

  start() {
    this.takeState();
    this.requestPicture();
  }

  end() {
    URL.revokeObjectURL(this.address);
  }

  /** @returns {[Size, string]} what the arithmetic goes by */
  get geometry() {
    return [this.get("size"), this.get("ratio")];
  }

  // --- the picture -------------------------------------------------------------------------------------------

  requestPicture() {
    this.picture.hidden = true;
    if (this.get("size").length) this.model.send({ kind: "load", id: this.get("picture") });
  }

  receive(content, buffers) {
    if (content.id !== this.get("picture")) return;
    URL.revokeObjectURL(this.address);
    this.address = blobUrl([buffers[0]], content.type);
    this.picture.src = this.address;
    this.picture.hidden = false;
  }

  // --- gestures ----------------------------------------------------------------------------------------------

  /** Python has set the window: what is under way is over. */
  takeState() {
    this.gesture = null;
    this.beforeKeys = null;
    this.rect = this.get("rect");
    this.draw();
  }

  /** The end of a gesture: Python hears of a rectangle that is new. @param {Rect} rect @param {Rect} before */
  settle(rect, before) {
    this.rect = rect;
    this.draw();
    if (rect.join() === before.join()) return;
    this.model.set("rect", rect);
    this.model.save_changes();
    this.status.textContent = `Window ${pixels(rect.slice(2))} at ${rect[0]}, ${rect[1]}`;
  }

  /** A number was typed. @param {number} index of x, y or width */
  takeNumber(index) {
    const value = this.inputs[index].valueAsNumber;
    // puts it back
    if (Number.isNaN(value)) return this.draw();
    const [size, ratio] = this.geometry;
    const [x, y, width, height] = this.rect.map((part, place) => (place === index ? value : part));
    const isPlace = index < 2;
    const wanted = Math.max(width / ratioParts(ratio)[0], this.get("facts").units);
    const units = isPlace ? largest([width, height], ratio) : wanted;
    this.settle(offsetCrop(size, ratio, x, y, units), this.rect);
  }

  press(event) {
    if (event.button || this.gesture) return;
    event.preventDefault();
    this.frame.focus({ preventScroll: true });
    this.frame.setPointerCapture(event.pointerId);
    const { pointerId: id, target, clientX, clientY } = event;
    this.gesture = { id, handle: target.dataset.handle, from: this.rect, start: [clientX, clientY] };
  }

  drag(event) {
    if (event.pointerId !== this.gesture?.id) return;
    const { start, from, handle } = this.gesture;
    const [size] = this.geometry;
    const dx = toSource(event.clientX - start[0], size, this.stage.clientWidth);
    const dy = toSource(event.clientY - start[1], size, this.stage.clientWidth);
    if (!dx && !dy) return;
    this.rect = handle
      ? resized(...this.geometry, from, handle, dx, dy, this.get("facts").units)
      : moved(...this.geometry, from, dx, dy);
    this.draw();
  }

  release(event) {
    if (event.pointerId !== this.gesture?.id) return;
    const { from } = this.gesture;
    this.gesture = null;
    this.settle(event.type === "pointercancel" ? from : this.rect, from);
  }

  pressKey(event) {
    if (isNotebookShortcut(event)) return;
    const arrow = ARROWS[event.key];
    const growth = GROWTH[event.key];
    const by = event.shiftKey ? 10 : 1;
    if (event.key === "Escape" && this.gesture) {
      this.rect = this.gesture.from;
      this.gesture = null;
    } else if (!this.gesture && (arrow || growth)) {
      this.beforeKeys ??= this.rect;
      this.rect = arrow
        ? moved(...this.geometry, this.rect, arrow[0] * by, arrow[1] * by)
        : grown(...this.geometry, this.rect, growth * by, this.get("facts").units);
    } else {
      return;
    }
    consume(event);
    this.draw();
  }

  releaseKeys() {
    const before = this.beforeKeys;
    this.beforeKeys = null;
    if (before) this.settle(this.rect, before);
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  draw() {
    const size = this.get("size");
    const facts = this.get("facts");
    const hasPicture = size.length > 0;
    this.stage.hidden = !hasPicture;
    this.panel.hidden = !hasPicture;
    for (const part of [this.frame, this.shade, this.fields]) part.hidden = !facts.movable;
    this.notice.textContent = facts.notice;
    this.error.textContent = this.get("error");
    this.error.classList.toggle("sw-trouble", Boolean(this.get("error")));
    if (!hasPicture) return;
    this.picture.alt = facts.name;
    this.drawWindow(size);
    this.sourceFact.textContent = pixels(size);
    const share = Math.round(100 - 100 * lost(size, this.rect));
    this.windowFact.textContent = `${pixels(this.rect.slice(2))}, ${share} % of the picture`;
    this.clipFact.textContent = facts.clip;
    const found = warnings(size, this.rect, this.get("target"), facts.least);
    this.warnings.replaceChildren(...found.map((text) => make("li.warning", {}, text)));
  }

  /** @param {Size} size */
  drawWindow(size) {
    const [x, y, width, height] = toScreen(size, this.rect);
    const shares = { "--x": x, "--y": y, "--width": width, "--height": height };
    for (const [name, share] of Object.entries(shares)) this.stage.style.setProperty(name, `${share}%`);
    this.stage.style.setProperty("--shape", size[0] / size[1]);
    this.inputs.forEach((input, index) => (input.value = this.rect[index]));
  }
}

export default widgetOf(CropperView);
