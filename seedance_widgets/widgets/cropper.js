/**
 * The window that a clip's ratio leaves of a picture, by the arithmetic of cropping.py. Rectangles are
 * [x, y, width, height] in whole pixels of the source. A window that was moved or resized is `units` times
 * a:b in lowest terms, so its ratio is exact. Python hears of it once a gesture.
 * @typedef {[number, number, number, number]} Rect
 * @typedef {[number, number]} Size
 */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const GROWTH = { "+": 1, "=": 1, "-": -1, _: -1 };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** "21:9" as [7, 3]. @param {string} ratio @returns {Size} */
export function ratioParts(ratio) {
  const [left, right] = ratio.split(":").map(Number);
  let [a, b] = [left, right];
  while (b) [a, b] = [b, a % b];
  return [left / a, right / a];
}

/** The window that the service itself keeps. @param {Size} size @returns {Rect} */
export function centerCrop([width, height], ratio) {
  if (ratio === "adaptive") return [0, 0, width, height];
  const [a, b] = ratioParts(ratio);
  const rounded = (n, d) => Math.max(1, Math.floor((2 * n + d) / (2 * d)));
  const wide = width * b > height * a ? rounded(height * a, b) : width;
  const high = width * b < height * a ? rounded(width * b, a) : height;
  return [Math.floor((width - wide) / 2), Math.floor((height - high) / 2), wide, high];
}

/** Units of the largest exact window that fits. */
export function largest([width, height], ratio) {
  const [a, b] = ratioParts(ratio);
  return Math.min(Math.floor(width / a), Math.floor(height / b));
}

/** A window of exactly the ratio, kept inside the picture. @returns {Rect} */
export function offsetCrop(size, ratio, x, y, units) {
  const kept = clamp(Math.round(units), 1, largest(size, ratio));
  const [width, height] = ratioParts(ratio).map((part) => part * kept);
  const place = (at, room) => clamp(Math.round(at), 0, room);
  return [place(x, size[0] - width), place(y, size[1] - height), width, height];
}

/** Moved by source pixels. @returns {Rect} */
export const moved = (size, ratio, [x, y, ...sides], dx, dy) =>
  offsetCrop(size, ratio, x + dx, y + dy, largest(sides, ratio));

/**
 * Resized by a handle ("n", "se", ...) that was pulled by source pixels; the side or corner across stays.
 * A corner follows the pointer's projection onto the diagonal. Without a handle, the middle stays.
 * @returns {Rect}
 */
export function resized(size, ratio, rect, handle, dx, dy, least = 1) {
  const [a, b] = ratioParts(ratio);
  const [x, y, width, height] = rect;
  const [north, south, west, east] = [..."nswe"].map((side) => handle.includes(side));
  const wide = width + (west ? -dx : dx), high = height + (north ? -dy : dy);
  const across = east ? size[0] - x : west ? x + width : size[0];
  const down = south ? size[1] - y : north ? y + height : size[1];
  const most = Math.min(Math.floor(across / a), Math.floor(down / b));
  const along = east || west ? wide / a : high / b;
  const wanted = handle.length === 2 ? (wide * a + high * b) / (a * a + b * b) : along;
  const units = clamp(Math.round(wanted), Math.min(least, most), most);
  const spare = [width - units * a, height - units * b];
  const left = x + spare[0] * (east ? 0 : west ? 1 : 0.5);
  const upper = y + spare[1] * (south ? 0 : north ? 1 : 0.5);
  return offsetCrop(size, ratio, left, upper, units);
}

/** Larger by units, around its middle. @returns {Rect} */
export function grown(size, ratio, rect, by, least = 1) {
  const high = (largest(rect.slice(2), ratio) + by) * ratioParts(ratio)[1];
  return resized(size, ratio, rect, "", 0, high - rect[3], least);
}

/** A distance on the screen in source pixels, of a picture that is `shown` pixels wide there. */
export const toSource = (distance, size, shown) => (shown ? (distance * size[0]) / shown : 0);

/** A rectangle in percent of the picture. @returns {Rect} */
export const toScreen = (size, rect) => rect.map((part, i) => (100 * part) / size[i % 2]);

/** Share of the picture that is cut away. */
export const lost = (size, rect) => 1 - (rect[2] * rect[3]) / (size[0] * size[1]);

/** @returns {string[]} */
export function warnings(size, rect, target, least) {
  const [width, height] = rect.slice(2);
  const found = [], share = lost(size, rect);
  if (share > 0.3) found.push(`The cut loses ${Math.round(share * 100)} % of the picture.`);
  if (Math.min(width, height) < least) found.push(`The service takes sides of at least ${least} px.`);
  const times = Math.max(target[0] / width, target[1] / height);
  if (times > 1)
    found.push(`The window has fewer pixels than the clip: it is enlarged ${times.toFixed(2)} times.`);
  return found;
}

function make(tag, name, parent, properties = {}) {
  const node = Object.assign(document.createElement(tag), properties);
  node.className = `sw-cropper-${name}`;
  node.dataset.testid = `cropper-${name}`;
  parent.append(node);
  return node;
}

// Ctrl+S and Shift+Enter are the notebook's; dd would delete its cell.
const theirs = (e) => e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter";

function render({ model, el, signal }) {
  const root = make("div", "root", el);
  const stage = make("div", "stage", root);
  make("div", "waiting", stage, { textContent: "Waiting for the picture" });
  const picture = make("img", "picture", stage, { draggable: false, hidden: true });
  const shade = make("div", "shade", make("div", "clip", stage));
  const frame = make("div", "window", stage, { tabIndex: 0, role: "application" });
  frame.ariaLabel = "Crop window: arrow keys move it, plus and minus resize it";
  for (const side of ["n", "e", "s", "w", "nw", "ne", "se", "sw"])
    make("span", side, frame).dataset.handle = side;

  const panel = make("div", "panel", root);
  const fields = make("div", "fields", panel, { role: "group", ariaLabel: "Crop window in pixels" });
  const inputs = ["x", "y", "width"].map((name) =>
    make("input", name, make("label", "field", fields, { textContent: name }), { type: "number", min: 0 }),
  );
  const centre = make("button", "centre", fields, { type: "button", textContent: "Centre" });
  const facts = make("dl", "facts", panel);
  const [source, cut, clip] = ["Picture", "Window", "Clip"].map((textContent) => {
    make("dt", "term", facts, { textContent });
    return make("dd", `${textContent.toLowerCase()}-fact`, facts);
  });
  const warned = make("ul", "warnings", panel);
  const status = make("p", "status", panel, { ariaLive: "polite" });
  const notice = make("p", "notice", root);
  const error = make("p", "error", root, { ariaLive: "polite" });

  /** @type {Rect} */
  let rect = [0, 0, 1, 1];
  let address = "";
  let gesture = null; // { id, handle, at, from } while a pointer is down
  let keyed = null; // the rectangle before the keys went down

  const get = (name) => model.get(name);
  const geometry = () => [get("size"), get("ratio")];
  const px = ([width, height]) => `${width} × ${height} px`;

  function draw() {
    const [size, given] = [get("size"), get("facts")];
    stage.hidden = panel.hidden = !size.length;
    frame.hidden = shade.hidden = fields.hidden = !given.movable;
    notice.textContent = given.notice;
    error.textContent = get("error");
    if (!size.length) return;
    picture.alt = given.name;
    stage.style.setProperty("--shape", size[0] / size[1]);
    toScreen(size, rect).forEach((part, i) => {
      stage.style.setProperty(["--x", "--y", "--width", "--height"][i], `${part}%`);
      if (inputs[i]) inputs[i].value = rect[i];
    });
    source.textContent = px(size);
    cut.textContent = `${px(rect.slice(2))}, ${Math.round(100 - 100 * lost(size, rect))} % of the picture`;
    clip.textContent = given.clip;
    warned.replaceChildren();
    for (const textContent of warnings(size, rect, get("target"), given.least))
      make("li", "warning", warned, { textContent });
  }

  /** The end of a gesture: Python hears of a rectangle that is new. */
  function settle(next, before) {
    rect = next;
    draw();
    if (rect.join() === before.join()) return;
    model.set("rect", rect);
    model.save_changes();
    status.textContent = `Window ${px(rect.slice(2))} at ${rect[0]}, ${rect[1]}`;
  }

  function typed(index) {
    const value = inputs[index].valueAsNumber;
    if (Number.isNaN(value)) return draw(); // puts it back
    const [size, ratio] = geometry();
    const [x, y, width, height] = rect.map((part, i) => (i === index ? value : part));
    const units = Math.max(width / ratioParts(ratio)[0], get("facts").units);
    settle(offsetCrop(size, ratio, x, y, index < 2 ? largest([width, height], ratio) : units), rect);
  }

  function press(event) {
    if (event.button || gesture) return;
    event.preventDefault();
    frame.focus({ preventScroll: true });
    frame.setPointerCapture(event.pointerId);
    const { pointerId: id, clientX, clientY } = event;
    gesture = { id, handle: event.target.dataset.handle, at: [clientX, clientY], from: rect };
  }

  function drag(event) {
    if (event.pointerId !== gesture?.id) return;
    const { at, from, handle } = gesture;
    const by = [event.clientX - at[0], event.clientY - at[1]].map((distance) =>
      toSource(distance, get("size"), stage.clientWidth),
    );
    if (!by[0] && !by[1]) return;
    rect = handle
      ? resized(...geometry(), from, handle, ...by, get("facts").units)
      : moved(...geometry(), from, ...by);
    draw();
  }

  function release(event) {
    if (event.pointerId !== gesture?.id) return;
    const { from } = gesture;
    gesture = null;
    settle(event.type === "pointercancel" ? from : rect, from);
  }

  function keyDown(event) {
    if (theirs(event)) return;
    const [arrow, growth, by] = [ARROWS[event.key], GROWTH[event.key], event.shiftKey ? 10 : 1];
    if (event.key === "Escape" && gesture) {
      rect = gesture.from;
      gesture = null;
    } else if (!gesture && (arrow || growth)) {
      keyed ??= rect;
      rect = arrow
        ? moved(...geometry(), rect, arrow[0] * by, arrow[1] * by)
        : grown(...geometry(), rect, growth * by, get("facts").units);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    draw();
  }

  function keysUp() {
    const before = keyed;
    keyed = null;
    if (before) settle(rect, before);
  }

  function told() {
    gesture = keyed = null;
    rect = get("rect");
    draw();
  }

  function ask() {
    picture.hidden = true;
    if (get("size").length) model.send({ kind: "load", id: get("picture") });
  }

  function received(content, buffers) {
    if (content.id !== get("picture")) return;
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([buffers[0]], { type: content.type }));
    picture.src = address;
    picture.hidden = false;
  }

  const hear = (name, callback) => {
    model.on(name, callback);
    signal.addEventListener("abort", () => model.off(name, callback));
  };
  const listen = (node, name, callback, capture) => node.addEventListener(name, callback, { signal, capture });
  for (const name of ["rect", "ratio", "size", "target", "facts"]) hear(`change:${name}`, told);
  hear("change:error", draw);
  hear("change:picture", ask);
  hear("msg:custom", received);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  listen(frame, "pointerdown", press);
  listen(frame, "pointermove", drag);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) listen(frame, end, release);
  listen(frame, "keydown", keyDown);
  for (const end of ["keyup", "blur"]) listen(frame, end, keysUp);
  inputs.forEach((input, i) => listen(input, "change", () => typed(i)));
  listen(centre, "click", () => settle(centerCrop(...geometry()), rect));
  const keep = (e) => root.contains(e.target) && e.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs(e));
  listen(window, "keydown", keep, true);
  told();
  ask();
}

export default { render };
