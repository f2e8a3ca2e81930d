/**
 * How pictures get in: dropped, chosen, pasted, or named by path or address. Files go to Python one at a
 * time, large ones in parts, the next part when the last was answered. What is kept, Python says in the
 * trait `pictures`; thumbnails are asked for by key and never saved.
 * @typedef {{ key: number, name: string, facts: string, problems: string[], thumbnail: boolean }} Picture
 */

const PART = 4 * 1024 * 1024;

/** Where a file is cut: [from, to] in bytes. @returns {[number, number][]} */
export function parts(size, most = PART) {
  const count = Math.max(1, Math.ceil(size / most));
  return Array.from({ length: count }, (_, i) => [i * most, Math.min(size, (i + 1) * most)]);
}

/** @returns {string} */
export function progress(name, sent, size) {
  const [done, all] = [sent, size].map((bytes) => (bytes / 1e6).toFixed(1));
  return `Sending ${name}: ${done} of ${all} MB`;
}

/** How many more pictures fit. One that stands alone is replaced. */
export const room = (count, limit, multiple) => (multiple ? Math.max(0, limit - count) : 1);

/** What is said when fewer are taken than were offered; "" when all are. */
export function leftOut(offered, taken, limit) {
  if (offered <= taken) return "";
  const most = limit === 1 ? "one picture is taken" : `at most ${limit} pictures are taken`;
  return `${offered - taken} left out: ${most} here.`;
}

/** What the label and the count say. */
export function title(label, count, limit, multiple) {
  return multiple ? `${label} (${count} of at most ${limit})` : label;
}

/** Which button gets the focus after one of a list was pressed: [place, action], or null for none left. */
export function focusAfter(action, place, count) {
  if (!count) return null;
  if (action === "remove") return [Math.min(place, count - 1), "remove"];
  const now = Math.min(Math.max(place + (action === "right" ? 1 : -1), 0), count - 1);
  const stuck = action === "right" ? now === count - 1 : now === 0;
  return [now, stuck ? (action === "right" ? "left" : "right") : action];
}

function make(tag, name, parent, properties = {}) {
  const node = Object.assign(document.createElement(tag), properties);
  node.className = `sw-picker-${name}`;
  node.dataset.testid = `picker-${name}`;
  parent.append(node);
  return node;
}

/** Typed here, dd deletes no cell of the notebook; Ctrl+S and Shift+Enter are still its own. */
const keepKeys = (root, signal) => addEventListener("keydown", (e) => root.contains(e.target) && e.target.toggleAttribute(
  "data-lm-suppress-shortcuts", !(e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter")), { capture: true, signal });

function render({ model, el, signal }) {
  const get = (name) => model.get(name);
  const listen = (node, name, callback) => node.addEventListener(name, callback, { signal });

  const root = make("div", "root", el, { role: "group" });
  const heading = make("div", "label", root);
  const zone = make("div", "zone", root, { tabIndex: 0, role: "group" });
  make("span", "hint", zone, { textContent: "Drop a picture here, paste one, or" });
  const choose = make("label", "choose", zone, { textContent: "choose a file" });
  const file = make("input", "file", choose, { type: "file", accept: "image/*,.heic,.heif" });
  const named = make("div", "named", root);
  const text = make("input", "source", named, { placeholder: "path or https:// address", spellcheck: false });
  const add = make("button", "add", named, { type: "button", textContent: "Add" });
  const list = make("ul", "list", root);
  const status = make("p", "status", root, { ariaLive: "polite" });
  const error = make("p", "error", root, { ariaLive: "polite" });

  const view = Math.random().toString(36).slice(2);
  const thumbnails = new Map(); // key of a picture -> its <img>, asked for when first drawn
  const waiting = new Map(); // n -> what to do with Python's answer
  let sent = 0;
  let queue = Promise.resolve();
  let refused = [];
  let pressed = null; // { action, place } of the button that has the focus

  /** Send a message and wait for the answer that carries its number. */
  function ask(content, n, buffers = []) {
    return new Promise((resolve) => {
      waiting.set(n, resolve);
      model.send({ ...content, n }, undefined, buffers);
    });
  }

  function say() {
    error.textContent = [get("error"), ...refused].filter(Boolean).join("\n");
  }

  function answered(answer) {
    if (answer.kind === "refused") refused.push(answer.reason);
    say();
    return answer.kind;
  }

  async function send(blob) {
    const n = `${view}-${(sent += 1)}`;
    const { name, size } = blob;
    for (const [at, to] of parts(size)) {
      if (signal.aborted) return;
      if (size > PART) status.textContent = progress(name, at, size);
      const bytes = await blob.slice(at, to).arrayBuffer();
      const kind = answered(await ask({ kind: "file", name, size, at }, n, [bytes]));
      status.textContent = kind === "added" ? `${name} added` : "";
      if (kind !== "got") break;
    }
  }

  /** Take files, one after the other. @param {File[]} files */
  function take(files) {
    refused = [];
    queue = queue.then(async () => {
      const limit = get("multiple") ? get("limit") : 1;
      const chosen = files.slice(0, room(get("count"), limit, get("multiple")));
      refused.push(leftOut(files.length, chosen.length, limit));
      for (const blob of chosen) {
        try {
          await send(blob);
        } catch (fault) {
          refused.push(`${blob.name}: ${fault.message}`); // the file went away, or may not be read
        }
      }
      say();
    });
  }

  function name(source) {
    refused = [];
    if (!source.trim()) return text.focus();
    queue = queue.then(async () => {
      const kind = answered(await ask({ kind: "source", text: source }, `${view}-${(sent += 1)}`));
      status.textContent = kind === "added" ? `${source} added` : "";
      if (kind === "added" && text.value === source) text.value = "";
    });
  }

  /** What a drop or a paste holds: files, or the words of a path or address. */
  function taken(event, transfer) {
    const words = (transfer.getData("text/uri-list") || transfer.getData("text/plain")).split("\n")[0];
    if (!transfer.files.length && (!words || event.target === text)) return;
    event.preventDefault();
    event.stopPropagation();
    if (transfer.files.length) take([...transfer.files]);
    else name(words);
  }

  /** @param {Picture} picture */
  function draw(picture, place, all) {
    const item = make("li", "item", list);
    const frame = make("div", "frame", item, { textContent: picture.thumbnail ? "" : "no preview" });
    if (thumbnails.has(picture.key)) frame.append(thumbnails.get(picture.key));
    else if (picture.thumbnail) {
      thumbnails.set(picture.key, make("img", "thumbnail", frame, { alt: picture.name }));
      model.send({ kind: "load", id: picture.key });
    }
    const words = make("div", "words", item);
    const called = get("multiple") ? `Image ${place + 1}` : picture.name;
    if (get("multiple")) make("div", "tag", words, { textContent: `[${called}]` });
    make("div", "name", words, { textContent: picture.name });
    make("div", "facts", words, { textContent: picture.facts });
    for (const textContent of picture.problems) make("div", "problem", words, { textContent });
    const buttons = make("div", "buttons", words);
    const button = (action, textContent, label, content, disabled = false) => {
      const node = make("button", action, buttons, { type: "button", textContent, ariaLabel: label, disabled });
      listen(node, "click", () => {
        pressed = { action, place };
        model.send({ key: picture.key, ...content });
      });
    };
    if (get("multiple") && all.length > 1) {
      button("left", "←", `Move ${called} to the left`, { kind: "order", by: -1 }, !place);
      button("right", "→", `Move ${called} to the right`, { kind: "order", by: 1 }, place === all.length - 1);
    }
    button("remove", "Remove", `Remove ${called}`, { kind: "remove" });
  }

  function drawAll() {
    const pictures = get("pictures");
    const focused = list.contains(document.activeElement);
    for (const [key, image] of thumbnails) {
      if (pictures.some((picture) => picture.key === key)) continue;
      URL.revokeObjectURL(image.src);
      thumbnails.delete(key);
    }
    list.replaceChildren();
    pictures.forEach(draw);
    if (!focused) return;
    const [place, action] = (pressed && focusAfter(pressed.action, pressed.place, pictures.length)) ?? [];
    (list.children[place]?.querySelector(`.sw-picker-${action}`) ?? zone).focus();
    pressed = null;
  }

  function told() {
    const count = get("pictures").length;
    heading.textContent = title(get("label"), count, get("limit"), get("multiple"));
    root.ariaLabel = get("label");
    zone.ariaLabel = `${get("label")}: drop or paste a picture here`;
    text.ariaLabel = `${get("label")}: path or address`;
    file.multiple = get("multiple");
    say();
  }

  function received(content, buffers) {
    const image = content.kind === "loaded" && thumbnails.get(content.id);
    if (image && !image.src)
      image.src = URL.createObjectURL(new Blob([buffers[0]], { type: content.type }));
    const resolve = waiting.get(content.n);
    waiting.delete(content.n);
    resolve?.(content);
  }

  const hear = (event, callback) => {
    model.on(event, callback);
    signal.addEventListener("abort", () => model.off(event, callback));
  };
  hear("change:pictures", drawAll);
  for (const trait of ["pictures", "label", "limit", "multiple", "error"]) hear(`change:${trait}`, told);
  hear("change:multiple", drawAll);
  hear("msg:custom", received);
  signal.addEventListener("abort", () => thumbnails.forEach((image) => URL.revokeObjectURL(image.src)));

  listen(file, "change", () => {
    take([...file.files]);
    file.value = ""; // so that the same file can be chosen again
  });
  listen(add, "click", () => name(text.value));
  listen(text, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    name(text.value);
  });
  listen(root, "paste", (event) => taken(event, event.clipboardData));
  const over = (event) => {
    event.preventDefault();
    root.classList.add("sw-picker-over");
  };
  listen(root, "dragenter", over);
  listen(root, "dragover", over);
  listen(root, "dragleave", (event) => {
    if (!root.contains(event.relatedTarget)) root.classList.remove("sw-picker-over");
  });
  listen(root, "drop", (event) => {
    root.classList.remove("sw-picker-over");
    taken(event, event.dataTransfer);
  });
  keepKeys(root, signal);
  told();
  drawAll();
}

export default { render };
