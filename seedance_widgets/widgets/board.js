/**
 * The board of a studio's tasks. Python says everything in its traits, see board_rows.py; only time is counted here,
 * so that a live board costs the kernel nothing.
 *
 * @typedef {{usual: number, late: number, words: string, from: string}} Pace seconds; no words, no history
 * @typedef {{
 *   key: string, group: "live" | "done" | "failed", word: string, name: string, what: string, cost: string,
 *   start: number, took?: number, pace?: Pace, warn?: boolean, clip?: boolean, poster?: boolean, cancel?: string,
 *   problem?: string, advice?: string, note?: string,
 * }} Row of a task; `start` in milliseconds since 1970, `took` in seconds
 * @typedef {{what: string, until: number}} Expiry milliseconds since 1970
 */

import { View, blobUrl, elementMaker, setStatus, setText, widgetOf } from "./shared.js";

/** Milliseconds since 1970; tests put their own clock here. */
export const clock = { now: () => Date.now() };

const FILTERS = { all: "All", live: "Live", done: "Done", failed: "Failed" };
const COLUMNS = ["Status", "Task", "Time", "Cost", "Actions"];
const TICK_MS = 500, SLOW_TICK_MS = 30000;
// In seconds.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
// How full the bar is at the usual time, and at most.
const FULL_AT_USUAL = 0.85, FULL_AT_MOST = 0.98;
// More changes at once are not read out.
const NEWS_AT_ONCE = 3;

/** @param {number} seconds @returns {string} as in "40 s", "2 min 5 s", "6 d 4 h" */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return inTwoUnits(whole, [MINUTE, "min"], [1, "s"]);
  if (whole < DAY) return inTwoUnits(whole, [HOUR, "h"], [MINUTE, "min"]);
  return inTwoUnits(whole, [DAY, "d"], [HOUR, "h"]);
}

function inTwoUnits(seconds, [large, largeName], [small, smallName]) {
  const rest = Math.floor((seconds % large) / small);
  const words = `${Math.floor(seconds / large)} ${largeName}`;
  return rest ? `${words} ${rest} ${smallName}` : words;
}

/**
 * How full the bar is: straight up to the usual time, then ever slower, never full before the end.
 * @param {number} elapsed seconds @param {number} usual seconds @returns {number} 0 to 1
 */
export function progress(elapsed, usual) {
  const part = Math.max(0, elapsed) / Math.max(usual, 0.001);
  if (part < 1) return FULL_AT_USUAL * part;
  return FULL_AT_MOST - (FULL_AT_MOST - FULL_AT_USUAL) * Math.exp(1 - part);
}

/** @param {Row} row @param {number} now milliseconds @returns {string} time taken; of a live task also what is usual */
export function timing(row, now) {
  if (row.took !== undefined) return `took ${span(row.took)}`;
  if (!row.pace) return "";
  const { late, words } = row.pace;
  const elapsed = (now - row.start) / 1000;
  if (!words) return span(elapsed);
  const usual = elapsed > late ? `longer than usual (${words})` : words;
  return `${span(elapsed)}, ${usual}`;
}

/** @param {Expiry[]} expiring @param {number} now milliseconds @returns {string} */
export function expiry(expiring, now) {
  const seconds = (until) => Math.ceil((until - now) / 60000) * MINUTE;
  return expiring
    .filter(({ until }) => until > now)
    .map(({ what, until }) => `${what} ${span(seconds(until))}`)
    .join(" · ");
}

const passes = (row, filter) => filter === "all" || row.group === filter;

const make = elementMaker("board", "");

// for words that people and servers wrote, in whichever script
const makePart = (name, ...children) => make(`div.${name}`, { dir: "auto" }, ...children);
const makeCell = (title, ...children) => make("td", { role: "cell", "data-title": title }, ...children);

/** One task's row. */
class RowView {
  /**
   * @param {string} key of the task
   * @param {(kind: string, row: Row, refusal?: string) => HTMLButtonElement} makeAction a button; `refusal`: why it
   * does nothing
   */
  constructor(key, makeAction) {
    this.makeAction = makeAction;
    /** @type {Row | undefined} */
    this.row = undefined;
    this.node = make("tr.row", { role: "row", "data-key": key });
    this.image = make("img.poster", { alt: "", hidden: true });
  }

  /** @param {Row} row */
  isUpToDate(row) {
    return JSON.stringify(row) === JSON.stringify(this.row);
  }

  /**
   * Fill it anew; its picture stays, and the focus goes back to the same button, or to another of its buttons.
   * @param {Row} row
   * @returns {boolean} false where it had the focus and has no button left to take it
   */
  fill(row) {
    this.row = row;
    const focused = this.node.contains(document.activeElement) && document.activeElement.dataset.testid;
    const actions = [];
    if (row.cancel !== undefined) actions.push(this.makeAction("cancel", row, row.cancel));
    if (row.clip) actions.push(this.makeAction("open", row));
    this.node.replaceChildren(
      makeCell("Status", make("span.status", { "data-tone": row.warn ? "warn" : row.group }, row.word)),
      this.buildTask(),
      makeCell("Time", ...this.buildTime()),
      makeCell("Cost", make("span.cost", {}, row.cost)),
      makeCell("Actions", ...actions),
    );
    if (!focused) return true;
    const heir = actions.find((button) => button.dataset.testid === focused) ?? actions[0];
    heir?.focus();
    return Boolean(heir);
  }

  buildTask() {
    const { row } = this;
    const start = new Date(row.start).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const parts = [makePart("prompt", row.name), makePart("what", row.what)];
    parts.push(makePart("what", `${start} · `, make("code", {}, row.key)));
    for (const name of ["problem", "advice", "note"]) parts.push(row[name] && makePart(name, row[name]));
    const attributes = { scope: "row", role: "rowheader" };
    return make("th", attributes, row.poster && this.image, make("div", {}, ...parts));
  }

  buildTime() {
    const { name, pace } = this.row;
    this.time = makePart("time");
    this.meter = undefined;
    if (!pace) return [this.time];
    this.bar = make("i");
    const range = { "aria-valuemin": 0, "aria-valuemax": 100 };
    const attributes = { role: "progressbar", title: pace.from, "aria-label": `Progress of ${name}`, ...range };
    this.meter = make("div.progress", attributes, this.bar);
    return [this.time, this.meter];
  }

  /** @param {number} now milliseconds */
  tick(now) {
    const { row, meter } = this;
    setText(this.time, timing(row, now));
    if (!meter) return;
    const part = progress((now - row.start) / 1000, row.pace.usual);
    this.bar.style.width = `${(100 * part).toFixed(1)}%`;
    meter.classList.toggle("sw-board-guess", !row.pace.words);
    // a bar that rests on no history moves, and claims no figure
    if (row.pace.words) meter.setAttribute("aria-valuenow", Math.round(100 * part));
    meter.setAttribute("aria-valuetext", this.time.textContent);
  }

  showPoster(address) {
    this.dropPoster();
    Object.assign(this.image, { src: address, hidden: false });
  }

  dropPoster() {
    URL.revokeObjectURL(this.image.src);
  }
}

class BoardView extends View {
  /** @type {Map<string, RowView>} by the task's key */
  views = new Map();
  filter = "all";
  // how far the kernel's clock is ahead of the browser's, in milliseconds
  ahead = 0;
  timer = 0;
  /** @type {AbortController | undefined} ends the player */
  player = undefined;
  // the poster of a row is asked for when it is seen
  sight = this.observerOfSight((row) => this.model.send({ kind: "poster", key: row.dataset.key }));

  build() {
    this.money = make("span.money");
    this.simulated = make("span.simulated", {}, "simulated, nothing is billed");
    this.spent = make("i");
    this.reserved = make("i");
    this.budget = makePart("budget", this.spent, this.reserved);
    const money = make("div", {}, this.money, " ", this.simulated, this.budget);
    this.expiring = makePart("expiring");
    this.resumeWords = make("span");
    const resume = this.makeButton("resume-button", "Resume", () => this.model.send({ kind: "resume" }));
    this.resume = makePart("resume", this.resumeWords, resume);
    this.line = make("div.line", { dir: "auto", "aria-live": "polite" });
    // for the ear: the eye has the rows
    this.news = make("div.news", { dir: "auto", "aria-live": "polite" });
    this.news.classList.add("sw-heard");
    this.empty = makePart("empty");
    this.older = makePart("older");
    this.stage = makePart("stage");
    const head = makePart("head", money, this.buildFilters());
    const parts = [head, this.expiring, this.resume, this.news, this.line, this.buildTable()];
    this.root = make("div.root", { "data-testid": "board" }, ...parts, this.empty, this.older, this.stage);
  }

  buildFilters() {
    this.filters = Object.keys(FILTERS).map((name) =>
      this.makeButton(`filter-${name}`, "", () => {
        this.filter = name;
        this.draw();
      }),
    );
    const attributes = { dir: "auto", role: "group", "aria-label": "Which tasks to show" };
    return make("div.filters", attributes, ...this.filters);
  }

  buildTable() {
    const titles = COLUMNS.map((title) => make("th", { scope: "col", role: "columnheader" }, title));
    const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...titles));
    this.body = make("tbody", { role: "rowgroup" });
    this.table = make("table", { role: "table", "aria-label": "Tasks, the newest first" }, head, this.body);
    return this.table;
  }

  makeButton(name, words, act, attributes = {}) {
    const button = make(`button.${name}`, { type: "button", ...attributes }, words);
    this.on(button, "click", act);
    return button;
  }

  /** A button of a row, see `RowView`. */
  makeAction(kind, { key, name }, refusal) {
    const words = { cancel: "Cancel", open: "Play" }[kind];
    const act = refusal ? () => this.say(refusal) : () => this.request(kind, key);
    return this.makeButton(kind, words, act, {
      "aria-label": `${words}: ${name}`,
      "aria-disabled": String(Boolean(refusal)),
      title: refusal || undefined,
    });
  }

  listen() {
    this.hear({
      "change:rows change:money change:summary": () => this.draw(),
      "change:player": () => this.play(),
      "change:notice": () => this.drawNotice(),
      "msg:custom": (message, buffers) => this.receive(message, buffers),
    });
  }

  start() {
    this.draw();
    this.drawNotice();
    this.play();
    this.model.send({ kind: "hello" });
  }

  end() {
    clearInterval(this.timer);
    for (const view of this.views.values()) view.dropPoster();
  }

  /** The kernel's time in milliseconds since 1970. */
  get now() {
    return clock.now() + this.ahead;
  }

  say(text, isTrouble = false) {
    setStatus(this.line, text, isTrouble);
  }

  // --- messages ----------------------------------------------------------------------------------------------

  request(kind, key) {
    this.model.send({ kind, key });
    // open already, out of sight?
    if (kind === "open") this.stage.scrollIntoView({ block: "nearest" });
  }

  receive(message, buffers) {
    if (message.kind === "now") {
      this.ahead = message.now - clock.now();
      this.tick();
    } else if (message.kind === "poster") {
      this.views.get(message.key)?.showPoster(blobUrl(buffers, message.type));
    }
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  /** What changes with time alone. */
  tick() {
    for (const view of this.views.values()) view.tick(this.now);
    setText(this.expiring, expiry(this.get("summary").expiring ?? [], this.now));
  }

  /** Tick as often as something that is shown changes with time. @param {Row[]} rows */
  startTicking(rows) {
    clearInterval(this.timer);
    const hasPace = rows.some((row) => row.pace);
    if (!hasPace && !this.get("summary").expiring?.length) return;
    this.timer = setInterval(() => this.tick(), hasPace ? TICK_MS : SLOW_TICK_MS);
  }

  draw() {
    /** @type {Row[]} */
    const rows = this.get("rows");
    const { older, resume } = this.get("summary");
    this.drawFilters(rows);
    this.drawMoney();
    this.resume.hidden = !resume;
    setText(this.resumeWords, resume ?? "");
    setText(this.older, older ? `${older} older: see studio.log` : "");
    this.forgetRows(rows);
    this.fillRows(rows);
    this.placeRows(rows);
    this.startTicking(rows);
    this.tick();
  }

  drawFilters(rows) {
    Object.entries(FILTERS).forEach(([name, words], place) => {
      const count = rows.filter((row) => passes(row, name)).length;
      setText(this.filters[place], `${words} ${count}`);
      this.filters[place].setAttribute("aria-pressed", name === this.filter);
    });
  }

  drawMoney() {
    const { words, simulated, spent, reserved, budget } = this.get("money");
    setText(this.money, words ?? "");
    this.simulated.hidden = !simulated;
    this.budget.hidden = !(budget > 0);
    this.spent.style.width = `${(100 * spent) / budget}%`;
    this.reserved.style.width = `${(100 * reserved) / budget}%`;
  }

  /** Let go of rows that are not on the board any more. */
  forgetRows(rows) {
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, view] of this.views) {
      if (keys.has(key)) continue;
      view.node.remove();
      view.dropPoster();
      this.views.delete(key);
    }
  }

  /** Make new rows, fill those that differ, and say which changed their status. */
  fillRows(rows) {
    const news = [];
    for (const row of rows) {
      const view = this.views.get(row.key) ?? new RowView(row.key, this.makeAction.bind(this));
      this.views.set(row.key, view);
      if (view.row && view.row.word !== row.word) news.push(`${row.name}: ${row.word}`);
      if (view.isUpToDate(row)) continue;
      if (!view.fill(row)) this.filters[0].focus();
      if (row.poster && !view.image.src) this.sight.observe(view.node);
    }
    if (news.length) setText(this.news, news.slice(0, NEWS_AT_ONCE).join(" · "));
  }

  /** Put the rows that pass the filter in their order; what stands right is not moved, and keeps the focus. */
  placeRows(rows) {
    const wanted = rows.filter((row) => passes(row, this.filter));
    const pressed = Object.keys(FILTERS).indexOf(this.filter);
    let next = this.body.firstChild;
    for (const { key } of wanted) {
      const { node } = this.views.get(key);
      if (node === next) next = node.nextSibling;
      else this.body.insertBefore(node, next);
    }
    while (next) {
      const unwanted = next;
      next = unwanted.nextSibling;
      if (unwanted.contains(document.activeElement)) this.filters[pressed].focus();
      unwanted.remove();
    }
    this.table.hidden = !wanted.length;
    this.empty.hidden = wanted.length > 0;
    const nothing = "No tasks yet. What you generate appears here.";
    setText(this.empty, rows.length ? `No ${this.filter} tasks here.` : nothing);
  }

  /** The last error in Python's words; a refusal that was told here stays until the next one. */
  drawNotice() {
    const notice = this.get("notice");
    if (notice || this.line.classList.contains("sw-trouble")) this.say(notice, Boolean(notice));
  }

  // --- the player --------------------------------------------------------------------------------------------

  /** Show the player that Python names, or none. */
  async play() {
    this.player?.abort();
    const { ref, path, title } = this.get("player");
    this.stage.replaceChildren();
    this.stage.hidden = !ref;
    if (!ref) return;
    this.player = new AbortController();
    const ending = AbortSignal.any([this.signal, this.player.signal]);
    const place = makePart("player");
    const close = this.makeButton("close", "Close player", () => this.model.send({ kind: "close" }));
    this.stage.append(makePart("title", make("strong", {}, title), close), place);
    try {
      const widget = await this.host.getWidget(ref);
      if (!ending.aborted) await widget.render({ el: place, signal: ending });
      this.stage.scrollIntoView({ block: "nearest" });
    } catch {
      setText(place, `The clip cannot be played here; its file is ${path}`);
    }
  }
}

export default widgetOf(BoardView);
