/**
 * How pictures, clips and sounds get in: dropped, chosen, pasted, or named by path or address. Files go to Python one at a time, large
 * ones in parts, the next part when the last was answered. What is kept, Python says in the trait `pictures`;
 * thumbnails are asked for by key and never saved.
 *
 * @typedef {{key: number, name: string, facts: string, problems: string[], thumbnail: boolean}} Picture
 */

import { View, blobUrl, clamp, consume, elementMaker, megabytes, setStatus, widgetOf } from "./shared.js";

/** What is said of each kind of input; a clip is never sent from here, so no file of one can be chosen. */
const KINDS = {
  image: {
    noun: "picture",
    called: "Image",
    accept: "image/*,.heic,.heif",
    hint: "Drop a picture here, paste one, or",
    source: "path or https:// address",
    asks: "path or address",
  },
  video: {
    noun: "clip",
    called: "Video",
    accept: "",
    hint: "The service fetches clips itself: name an address, or a task of this studio.",
    source: "https:// address, asset:// id or a task's key",
    asks: "address, id or key of a task",
  },
  audio: {
    noun: "sound",
    called: "Audio",
    accept: "audio/wav,audio/mpeg,.wav,.mp3",
    hint: "Drop a sound here, or",
    source: "path or https:// address",
    asks: "path or address",
  },
};
const PART_BYTES = 4 * 1024 * 1024;

/** Where a file is cut: [from, to] in bytes. @param {number} size bytes @returns {[number, number][]} */
export function parts(size, most = PART_BYTES) {
  const count = Math.max(1, Math.ceil(size / most));
  return Array.from({ length: count }, (_, index) => [index * most, Math.min(size, (index + 1) * most)]);
}

/** @param {string} name @param {number} sent bytes @param {number} size bytes @returns {string} */
export function progress(name, sent, size) {
  return `Sending ${name}: ${(sent / 1e6).toFixed(1)} of ${megabytes(size)}`;
}

/**
 * How many more pictures fit. One that stands alone is replaced.
 * @param {number} count @param {number} limit @param {boolean} multiple
 */
export function room(count, limit, multiple) {
  return multiple ? Math.max(0, limit - count) : 1;
}

/** What is said when fewer are taken than were offered; "" when all are. */
export function leftOut(offered, taken, limit, noun = "picture") {
  if (offered <= taken) return "";
  const most = limit === 1 ? `one ${noun} is taken` : `at most ${limit} ${noun}s are taken`;
  return `${offered - taken} left out: ${most} here.`;
}

/** What the label and the count say. */
export function title(label, count, limit, multiple) {
  return multiple ? `${label} (${count} of at most ${limit})` : label;
}

/**
 * Which button gets the focus after one of a list was pressed: [place, action], or null for none left.
 * @param {"left" | "right" | "remove"} action @param {number} place @param {number} count of pictures now
 * @returns {[number, string] | null}
 */
export function focusAfter(action, place, count) {
  if (!count) return null;
  const last = count - 1;
  if (action === "remove") return [Math.min(place, last), "remove"];
  const now = clamp(place + (action === "right" ? 1 : -1), 0, last);
  // at an end that button is disabled
  if (action === "right") return [now, now === last ? "left" : "right"];
  return [now, now === 0 ? "right" : "left"];
}

const make = elementMaker("picker");

class PickerView extends View {
  // marks this view's messages: another view of the same picker numbers its own
  viewName = Math.random().toString(36).slice(2);
  sent = 0;
  /** @type {Map<string, (answer: object) => void>} what to do with Python's answer, by the message's number */
  waiting = new Map();
  // sends one file or name after the other
  queue = Promise.resolve();
  /** @type {string[]} what was wrong with what was offered last */
  refused = [];
  /** @type {Map<number, HTMLImageElement>} by the picture's key; asked for when first drawn */
  thumbnails = new Map();
  /** @type {{action: string, place: number} | null} the button that was pressed last */
  pressed = null;

  build() {
    this.heading = make("div.label");
    this.kind = KINDS[this.get("kind")];
    this.file = make("input.file", { type: "file", accept: this.kind.accept });
    const hint = make("span.hint", {}, this.kind.hint);
    const choose = this.kind.accept && make("label.choose", {}, "choose a file", this.file);
    this.zone = make("div.zone", { tabindex: 0, role: "group" }, hint, choose);
    this.source = make("input.source", { placeholder: this.kind.source, spellcheck: "false" });
    this.add = make("button.add", { type: "button" }, "Add");
    const named = make("div.named", {}, this.source, this.add);
    this.list = make("ul.list");
    this.status = make("p.status", { "aria-live": "polite" });
    this.error = make("p.error", { "aria-live": "polite" });
    const parts = [this.heading, this.zone, named, this.list, this.status, this.error];
    this.root = make("div.root", { role: "group" }, ...parts);
  }

  listen() {
    this.on(this.file, "change", () => {
      this.takeFiles([...this.file.files]);
      // so that the same file can be chosen again
      this.file.value = "";
    });
    this.on(this.add, "click", () => this.takeSource(this.source.value));
    this.on(this.source, "keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      consume(event);
      this.takeSource(this.source.value);
    });
    this.on(this.root, "paste", (event) => this.take(event, event.clipboardData));
    this.on(this.root, "dragenter dragover", (event) => {
      event.preventDefault();
      this.markDropZone(true);
    });
    this.on(this.root, "dragleave", (event) => {
      if (!this.root.contains(event.relatedTarget)) this.markDropZone(false);
    });
    this.on(this.root, "drop", (event) => {
      this.markDropZone(false);
      this.take(event, event.dataTransfer);
    });
    this.hear({
      "change:pictures change:multiple": () => this.drawPictures(),
      "change:pictures change:label change:limit change:multiple change:error": () => this.drawWords(),
      "msg:custom": (content, buffers) => this.receive(content, buffers),
    });
  }

  start() {
    this.drawWords();
    this.drawPictures();
  }

  end() {
    this.dropThumbnails([]);
  }

  markDropZone(isOver) {
    this.root.classList.toggle("sw-picker-over", isOver);
  }

  // --- messages ----------------------------------------------------------------------------------------------

  nextNumber() {
    this.sent += 1;
    return `${this.viewName}-${this.sent}`;
  }

  /** Send a message and wait for the answer that carries its number. @returns {Promise<string>} the answer's kind */
  async ask(content, n, buffers = []) {
    const answer = await new Promise((resolve) => {
      this.waiting.set(n, resolve);
      this.model.send({ ...content, n }, undefined, buffers);
    });
    if (answer.kind === "refused") this.refused.push(answer.reason);
    this.drawError();
    return answer.kind;
  }

  receive(content, buffers) {
    const image = content.kind === "loaded" && this.thumbnails.get(content.id);
    if (image && !image.src) image.src = blobUrl([buffers[0]], content.type);
    const resolve = this.waiting.get(content.n);
    this.waiting.delete(content.n);
    resolve?.(content);
  }

  // --- what comes in -----------------------------------------------------------------------------------------

  /** What a drop or a paste holds: files, or the words of a path or address. @param {DataTransfer} transfer */
  take(event, transfer) {
    const text = transfer.getData("text/uri-list") || transfer.getData("text/plain");
    const [words] = text.split("\n");
    const isTyping = !words || event.target === this.source;
    if (!transfer.files.length && isTyping) return;
    consume(event);
    if (transfer.files.length) this.takeFiles([...transfer.files]);
    else this.takeSource(words);
  }

  /** Take files, one after the other. @param {File[]} files */
  takeFiles(files) {
    this.refused = [];
    this.queue = this.queue.then(async () => {
      const multiple = this.get("multiple");
      const limit = multiple ? this.get("limit") : 1;
      const chosen = files.slice(0, room(this.get("count"), limit, multiple));
      this.refused.push(leftOut(files.length, chosen.length, limit, this.kind.noun));
      for (const file of chosen) {
        try {
          await this.sendFile(file);
        } catch (error) {
          // the file went away, or may not be read
          this.refused.push(`${file.name}: ${error.message}`);
        }
      }
      this.drawError();
    });
  }

  /** @param {File} file */
  async sendFile(file) {
    const n = this.nextNumber();
    const { name, size } = file;
    for (const [at, to] of parts(size)) {
      if (this.signal.aborted) return;
      if (size > PART_BYTES) this.status.textContent = progress(name, at, size);
      const bytes = await file.slice(at, to).arrayBuffer();
      const kind = await this.ask({ kind: "file", name, size, at }, n, [bytes]);
      this.status.textContent = kind === "added" ? `${name} added` : "";
      if (kind !== "got") break;
    }
  }

  /** @param {string} source a path or address */
  takeSource(source) {
    this.refused = [];
    if (!source.trim()) return this.source.focus();
    this.queue = this.queue.then(async () => {
      const kind = await this.ask({ kind: "source", text: source }, this.nextNumber());
      this.status.textContent = kind === "added" ? `${source} added` : "";
      if (kind === "added" && this.source.value === source) this.source.value = "";
    });
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  drawError() {
    const text = [this.get("error"), ...this.refused].filter(Boolean).join("\n");
    setStatus(this.error, text, text);
  }

  drawWords() {
    const label = this.get("label");
    const multiple = this.get("multiple");
    this.heading.textContent = title(label, this.get("pictures").length, this.get("limit"), multiple);
    this.root.ariaLabel = label;
    this.zone.ariaLabel = `${label}: drop or paste a ${this.kind.noun} here`;
    this.source.ariaLabel = `${label}: ${this.kind.asks}`;
    this.file.multiple = multiple;
    this.drawError();
  }

  drawPictures() {
    /** @type {Picture[]} */
    const pictures = this.get("pictures");
    const hadFocus = this.list.contains(document.activeElement);
    this.dropThumbnails(pictures);
    const items = pictures.map((picture, place) => this.buildItem(picture, place, pictures.length));
    this.list.replaceChildren(...items);
    if (hadFocus) this.restoreFocus(pictures.length);
  }

  /** @param {Picture[]} kept those that are still there */
  dropThumbnails(kept) {
    for (const [key, image] of this.thumbnails) {
      if (kept.some((picture) => picture.key === key)) continue;
      URL.revokeObjectURL(image.src);
      this.thumbnails.delete(key);
    }
  }

  restoreFocus(count) {
    const [place, action] = (this.pressed && focusAfter(this.pressed.action, this.pressed.place, count)) ?? [];
    const button = this.list.children[place]?.querySelector(`.sw-picker-${action}`);
    (button ?? this.zone).focus();
    this.pressed = null;
  }

  /** @param {Picture} picture @param {number} place @param {number} count */
  buildItem(picture, place, count) {
    const multiple = this.get("multiple");
    const called = multiple ? `${this.kind.called} ${place + 1}` : picture.name;
    const tag = multiple && make("div.tag", {}, `[${called}]`);
    const name = make("div.name", {}, picture.name);
    const facts = make("div.facts", {}, picture.facts);
    const problems = picture.problems.map((problem) => make("div.problem", {}, problem));
    for (const problem of problems) problem.classList.add("sw-trouble");
    const buttons = make("div.buttons", {}, ...this.buildButtons(picture, called, place, count));
    const words = make("div.words", {}, tag, name, facts, ...problems, buttons);
    return make("li.item", {}, this.buildFrame(picture), words);
  }

  /** @param {Picture} picture */
  buildFrame(picture) {
    if (!picture.thumbnail) return make("div.frame", {}, this.get("kind") === "image" ? "no preview" : this.kind.noun);
    if (!this.thumbnails.has(picture.key)) {
      this.thumbnails.set(picture.key, make("img.thumbnail", { alt: picture.name }));
      this.model.send({ kind: "load", id: picture.key });
    }
    return make("div.frame", {}, this.thumbnails.get(picture.key));
  }

  buildButtons(picture, called, place, count) {
    const build = (action, words, label, content, disabled = false) => {
      const button = make(`button.${action}`, { type: "button", "aria-label": label, disabled }, words);
      this.on(button, "click", () => {
        this.pressed = { action, place };
        this.model.send({ key: picture.key, ...content });
      });
      return button;
    };
    const buttons = [build("remove", "Remove", `Remove ${called}`, { kind: "remove" })];
    if (this.get("multiple") && count > 1) {
      const isLast = place === count - 1;
      buttons.unshift(
        build("left", "←", `Move ${called} to the left`, { kind: "order", by: -1 }, place === 0),
        build("right", "→", `Move ${called} to the right`, { kind: "order", by: 1 }, isLast),
      );
    }
    return buttons;
  }
}

export default widgetOf(PickerView);
