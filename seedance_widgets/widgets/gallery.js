/**
 * Drafts to judge: a verdict is shown once Python has it in the log. Traits and messages: see gallery.py.
 *
 * @typedef {"accept" | "reject" | "star" | null} Verdict a star is an acceptance too
 * @typedef {{
 *   key: string, ratio: number, still: string, poster?: number, clip?: number, prompt: string, facts: string,
 *   words: string,
 * }} Draft one of the trait `drafts`; `poster` and `clip` are numbers to ask for them by
 */

import {
  Patience, Requests, View, consume, elementMaker, isNotebookShortcut, prefersStill, setStatus, widgetOf,
} from "./shared.js";

// How many clips are kept, and how long the pointer rests on a draft before its clip is fetched.
const CLIPS_KEPT = 4, HOVER_MS = 180;
const SILENT = "No answer. Is the kernel busy? Without one this is what was saved, to look at.";
const WORDS = { accept: "accepted", star: "accepted with a star", reject: "rejected" };
const SIGNS = { accept: "✓", reject: "✗", star: "★", play: "▶" };
const VERB_KEYS = { " ": "accept", x: "reject", s: "star" };

const isAccepted = (verdict) => verdict === "accept" || verdict === "star";

/** @type {Record<string, (verdict: Verdict) => boolean>} */
export const FILTERS = {
  all: () => true,
  undecided: (verdict) => !verdict,
  accepted: isAccepted,
  rejected: (verdict) => verdict === "reject",
  starred: (verdict) => verdict === "star",
};

/** How many pass each filter. @param {Verdict[]} verdicts @returns {Record<string, number>} */
export function counts(verdicts) {
  const entries = Object.entries(FILTERS).map(([name, passes]) => [name, verdicts.filter(passes).length]);
  return Object.fromEntries(entries);
}

/**
 * What a press asks for: the same again takes it back; a draft without its star is still accepted.
 * @param {"accept" | "reject" | "star"} verb @param {Verdict} verdict @returns {Verdict}
 */
export function pressed(verb, verdict) {
  if (verb === "star") return verdict === "star" ? "accept" : "star";
  const isSame = verdict === verb || (verb === "accept" && isAccepted(verdict));
  return isSame ? null : verb;
}

/**
 * Where a key leads in `count` tiles, in rows of `columns`; undefined if nowhere.
 * @param {string} key @param {number} place @param {number} columns @param {number} count
 * @returns {number | undefined}
 */
export function moved(key, place, columns, count) {
  const last = count - 1;
  const isInLastRow = Math.floor(place / columns) === Math.floor(last / columns);
  const places = {
    ArrowLeft: Math.max(place - 1, 0),
    ArrowRight: Math.min(place + 1, last),
    ArrowUp: place < columns ? place : place - columns,
    ArrowDown: isInLastRow ? place : Math.min(place + columns, last),
    Home: 0,
    End: last,
  };
  return places[key];
}

const make = elementMaker("gallery");

/** One draft: its element, and what is asked for it. */
class Tile {
  /** @type {Draft} */
  draft = {};
  /** @type {Verdict | undefined} what was asked for and is not yet in the log */
  wanted = undefined;
  /** @type {Record<string, HTMLButtonElement>} by verb */
  buttons = {};

  /** @param {string} key of the draft */
  constructor(key) {
    this.poster = make("img.poster", { alt: "" });
    this.name = make("b.name");
    this.final = make("span.final", {}, "has a final");
    this.view = make("div.view", {}, this.poster, this.name, make("span.mark"), this.final);
    for (const [verb, sign] of Object.entries(SIGNS)) {
      this.buttons[verb] = make(`button.${verb}`, { tabindex: -1 }, sign);
    }
    this.prompt = make("p.prompt", { dir: "auto" });
    this.facts = make("p.facts", { dir: "auto" });
    this.words = make("p.words", { dir: "auto" });
    const row = make("div.row", {}, ...Object.values(this.buttons));
    const attributes = { role: "group", tabindex: -1, "data-key": key };
    this.node = make("div.tile", attributes, this.view, row, this.prompt, this.facts, this.words);
  }

  /** @param {Draft} draft @param {number} number from 1 */
  fill(draft, number) {
    this.draft = draft;
    this.number = number;
    this.name.textContent = number;
    for (const part of ["prompt", "facts", "words"]) this[part].textContent = draft[part];
  }

  /** Whether Tab comes to this tile and its buttons. */
  setReachable(isReachable) {
    for (const node of [this.node, ...Object.values(this.buttons)]) node.tabIndex = isReachable ? 0 : -1;
  }

  /** @param {Verdict} verdict that stands in the log */
  draw(verdict, { isShown, hasFinal }) {
    const { draft, number } = this;
    this.node.hidden = !isShown;
    this.node.dataset.verdict = verdict ?? "";
    const label = [`Draft ${number}`, WORDS[verdict] ?? "undecided", draft.facts, draft.prompt];
    this.node.ariaLabel = label.filter(Boolean).join(", ");
    this.final.hidden = !hasFinal;
    for (const [verb, button] of Object.entries(this.buttons)) {
      button.ariaLabel = `${verb} draft ${number}`;
      button.disabled = !draft.clip;
      if (verb !== "play") button.ariaPressed = pressed(verb, verdict) !== verb;
    }
  }
}

class GalleryView extends View {
  patience = new Patience(() => this.reportSilence());
  requests = new Requests((content) => this.send(content));
  /** @type {Map<number, string>} addresses of the clips that are kept, the one played last at the end */
  clips = new Map();
  posterAddresses = [];
  /** @type {Map<string, Tile>} by the draft's key */
  tiles = new Map();
  /** @type {Tile[]} as they are shown */
  order = [];
  filter = "all";
  /** @type {Tile | undefined} that Tab comes to */
  current = undefined;
  /** @type {Tile | undefined} whose clip plays, or is on its way */
  playing = undefined;
  isLoud = false;
  /** @type {[Tile, Verdict][]} what was pressed, with the verdict before, to undo */
  history = [];
  // counts what was played, so that the last one decides
  turn = 0;
  hoverTimer = 0;

  build() {
    this.filters = Object.keys(FILTERS).map((name) => {
      const button = make("button.filter");
      this.on(button, "click", () => {
        this.filter = name;
        this.draw();
      });
      return button;
    });
    this.size = make("input.size", { type: "range", min: 120, max: 480, step: 20, value: 200 });
    this.price = make("p.price");
    this.status = make("p.status", { "aria-live": "polite" });
    this.empty = make("p.empty");
    this.grid = make("div.grid", { role: "group", "aria-label": "Drafts" });
    this.video = make("video.video", { playsinline: true, loop: true });
    const attributes = { role: "group", "aria-label": "Which drafts to show" };
    const filters = make("div.filters", attributes, ...this.filters);
    const bar = make("div.bar", {}, filters, make("label.label", {}, "Size ", this.size));
    const keys = "Space accepts, x rejects, s stars, u undoes. Arrows move, Enter plays with sound.";
    const help = make("p.help", {}, keys);
    this.root = make("div.root", {}, bar, this.price, help, this.status, this.grid, this.empty);
    const nearby = { root: this.grid, rootMargin: "300px" };
    this.sight = this.observerOfSight((node) => this.loadPoster(this.tiles.get(node.dataset.key)), nearby);
  }

  listen() {
    this.on(this.size, "input", () => this.grid.style.setProperty("--tile", `${this.size.value}px`));
    this.on(this.grid, "keydown", (event) => this.press(event));
    this.hear({
      "change:drafts": () => this.fill(),
      "change:verdicts change:finals change:price": () => this.draw(),
      "msg:custom": (message, buffers) => this.receive(message, buffers),
    });
  }

  start() {
    this.fill();
    this.send({ kind: "hello" });
  }

  end() {
    this.patience.stop();
    this.requests.abandon();
    this.stop();
    [...this.clips.values(), ...this.posterAddresses].forEach(URL.revokeObjectURL);
  }

  say(text, isTrouble = false) {
    setStatus(this.status, text, isTrouble);
  }

  reportSilence() {
    this.say(SILENT, true);
  }

  // --- messages ----------------------------------------------------------------------------------------------

  send(content) {
    this.patience.start();
    try {
      this.model.send(content);
    } catch {
      this.reportSilence();
    }
  }

  receive(message, buffers) {
    this.patience.stop();
    if (this.status.textContent === SILENT) this.say("");
    this.requests.receive(message, buffers);
    const tile = this.tiles.get(message.key);
    if (!tile || tile.wanted !== message.verdict) return;
    if (message.reason || this.verdictOf(tile) === message.verdict) this.settle(tile, message.reason);
  }

  /** The sharp poster of a draft is asked for when it comes near. */
  async loadPoster(tile) {
    if (!tile.draft.poster) return;
    try {
      tile.poster.src = URL.createObjectURL(await this.requests.load(tile.draft.poster));
      this.posterAddresses.push(tile.poster.src);
    } catch {
      // the small one stays
    }
  }

  /** Fetch a clip, and keep the last few. @returns {Promise<string>} its address */
  async loadClip(id) {
    const address = this.clips.get(id) ?? URL.createObjectURL(await this.requests.load(id));
    this.clips.delete(id);
    this.clips.set(id, address);
    for (const [old, unused] of [...this.clips].slice(0, -CLIPS_KEPT)) {
      URL.revokeObjectURL(unused);
      this.clips.delete(old);
    }
    return address;
  }

  // --- playing -----------------------------------------------------------------------------------------------

  stop() {
    this.turn += 1;
    clearTimeout(this.hoverTimer);
    this.playing?.view.removeAttribute("data-playing");
    this.playing = undefined;
    this.isLoud = false;
    this.video.removeAttribute("src");
    this.video.load();
    this.video.remove();
  }

  /** @param {Tile} tile */
  async play(tile, isLoud = false) {
    this.stop();
    const { turn } = this;
    const { clip, words } = tile.draft;
    if (!clip) return this.say(`Draft ${tile.number}: ${words}`);
    this.playing = tile;
    this.isLoud = isLoud;
    tile.view.dataset.playing = "loading";
    try {
      const address = await this.loadClip(clip);
      if (turn !== this.turn) return;
      this.video.muted = !isLoud;
      this.video.src = address;
      tile.view.append(this.video);
      tile.view.dataset.playing = "";
      await this.video.play();
    } catch (error) {
      if (turn !== this.turn) return;
      this.stop();
      this.say(`Draft ${tile.number} cannot be played. ${error.message}`, true);
    }
  }

  toggle(tile) {
    if (this.playing === tile && this.isLoud) this.stop();
    else this.play(tile, true);
  }

  /** A mouse that rests on a draft plays it without sound, where nothing plays with it. */
  hover(tile, { pointerType }) {
    if (pointerType !== "mouse" || prefersStill() || this.isLoud) return;
    this.hoverTimer = setTimeout(() => this.play(tile), HOVER_MS);
  }

  leave(tile) {
    clearTimeout(this.hoverTimer);
    if (this.playing === tile && !this.isLoud) this.stop();
  }

  // --- judging -----------------------------------------------------------------------------------------------

  /** The verdict that stands in the log. @param {Tile} tile @returns {Verdict} */
  verdictOf(tile) {
    return this.get("verdicts")[tile.draft.key] ?? null;
  }

  count() {
    return counts(this.order.map((tile) => this.verdictOf(tile)));
  }

  /** @param {Tile} tile @param {Verdict} wanted */
  judge(tile, wanted) {
    tile.wanted = wanted;
    tile.node.dataset.pending = "";
    this.send({ kind: "judge", key: tile.draft.key, verdict: wanted });
  }

  undo() {
    if (this.history.length) this.judge(...this.history.pop());
  }

  pressVerb(tile, verb) {
    const before = tile.wanted === undefined ? this.verdictOf(tile) : tile.wanted;
    this.history.push([tile, before]);
    this.judge(tile, pressed(verb, before));
  }

  /** What was asked for is in the log, or is refused. @param {string} [reason] of a refusal */
  settle(tile, reason) {
    tile.wanted = undefined;
    delete tile.node.dataset.pending;
    if (reason) return this.say(`Draft ${tile.number}: not saved. ${reason}`, true);
    const words = WORDS[this.verdictOf(tile)] ?? "undecided";
    this.say(`Draft ${tile.number}: ${words}. ${this.count().undecided} undecided.`);
  }

  // --- keys and focus ----------------------------------------------------------------------------------------

  get visible() {
    return this.order.filter(({ node }) => !node.hidden);
  }

  /** The one tile that Tab comes to, with its buttons. @param {Tile | undefined} tile */
  choose(tile) {
    this.current?.setReachable(false);
    tile?.setReachable(true);
    this.current = tile;
  }

  press(event) {
    const { key, target } = event;
    const tile = this.tiles.get(target.dataset.key) ?? this.current;
    const isButtons = target !== tile.node && [" ", "Enter"].includes(key);
    if (isNotebookShortcut(event) || isButtons) return;
    const next = this.neighbour(tile, key);
    const verb = VERB_KEYS[key];
    if (next) this.moveTo(next, tile);
    else if (verb) this.pressVerbOnce(tile, verb, event);
    else if (key === "u") this.undo();
    else if (key === "Enter") this.toggle(tile);
    else if (key === "Escape") this.stop();
    else return;
    consume(event);
  }

  pressVerbOnce(tile, verb, { repeat }) {
    if (!repeat && tile.draft.clip) this.pressVerb(tile, verb);
  }

  moveTo(next, tile) {
    if (next !== tile) this.stop();
    next.node.focus();
  }

  /** The tile that a key leads to, if any. @returns {Tile | undefined} */
  neighbour(tile, key) {
    const { visible } = this;
    const columns = visible.filter(({ node }) => node.offsetTop === visible[0].node.offsetTop).length;
    return visible[moved(key, visible.indexOf(tile), columns, visible.length)];
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  buildTile(key) {
    const tile = new Tile(key);
    for (const [verb, button] of Object.entries(tile.buttons)) {
      this.on(button, "click", () => (verb === "play" ? this.toggle(tile) : this.pressVerb(tile, verb)));
    }
    this.on(tile.node, "focusin", () => this.choose(tile));
    this.on(tile.view, "click", () => this.toggle(tile));
    this.on(tile.view, "pointerenter", (event) => this.hover(tile, event));
    this.on(tile.view, "pointerleave", () => this.leave(tile));
    this.tiles.set(key, tile);
    this.grid.append(tile.node);
    return tile;
  }

  /** The drafts have changed. */
  fill() {
    /** @type {Draft[]} */
    const drafts = this.get("drafts");
    this.order = drafts.map((draft, index) => {
      const tile = this.tiles.get(draft.key) ?? this.buildTile(draft.key);
      const hasOtherPoster = draft.poster !== tile.draft.poster;
      tile.fill(draft, index + 1);
      if (hasOtherPoster) {
        tile.poster.src = draft.still;
        this.sight.observe(tile.node);
      }
      return tile;
    });
    this.grid.style.setProperty("--ratio", drafts[0]?.ratio);
    this.draw();
  }

  draw() {
    const hadFocus = this.grid.contains(document.activeElement);
    this.drawFilters();
    const finals = this.get("finals");
    for (const tile of this.order) {
      const verdict = this.verdictOf(tile);
      if (tile.wanted === verdict) this.settle(tile);
      const isShown = FILTERS[this.filter](verdict);
      if (!isShown && this.playing === tile) this.stop();
      tile.draw(verdict, { isShown, hasFinal: finals.includes(tile.draft.key) });
    }
    this.price.textContent = this.get("price");
    const { visible } = this;
    this.grid.hidden = !visible.length;
    this.empty.textContent = visible.length ? "" : `No ${this.order.length ? `${this.filter} ` : ""}drafts.`;
    if (!visible.includes(this.current)) this.chooseNext(visible, hadFocus);
  }

  drawFilters() {
    const total = this.count();
    Object.keys(FILTERS).forEach((name, place) => {
      this.filters[place].textContent = `${name} ${total[name]}`;
      this.filters[place].ariaPressed = name === this.filter;
    });
  }

  /** Tab comes to the next tile in place of one that is not shown any more; so does the focus that it had. */
  chooseNext(visible, hadFocus) {
    const { current } = this;
    const next = visible.find(({ number }) => number > current?.number);
    this.choose(next ?? visible.at(current ? -1 : 0));
    if (hadFocus) (this.current?.node ?? this.filters[0]).focus();
  }
}

export default widgetOf(GalleryView);
