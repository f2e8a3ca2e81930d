/**
 * The board of a studio's tasks. Python says everything in its traits, see board_rows.py; only time is counted here,
 * so that a live board costs the kernel nothing.
 *
 * @typedef {{usual: number, late: number, words: string, from: string}} Pace seconds; no words, no history
 * @typedef {{start: number, took?: number, pace?: Pace}} Row
 * @typedef {{what: string, until: number}} Expiry ms since 1970
 */

/** Milliseconds since 1970; tests put their own clock here. */
export const clock = { now: () => Date.now() };

const FILTERS = { all: "All", live: "Live", done: "Done", failed: "Failed" };

/** @param {number} seconds @returns {string} as in "40 s", "2 min 5 s", "6 d 4 h" */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [big, name, small, rest] =
    whole < 3600 ? [60, "min", 1, "s"] : whole < 86400 ? [3600, "h", 60, "min"] : [86400, "d", 3600, "h"];
  const over = Math.floor((whole % big) / small);
  return `${Math.floor(whole / big)} ${name}` + (over ? ` ${over} ${rest}` : "");
}

/**
 * How full the bar is: straight to 85 % at the usual time, then ever slower, never full before the end.
 * @param {number} elapsed seconds @param {number} usual seconds @returns {number} 0 to 1
 */
export function progress(elapsed, usual) {
  const part = Math.max(0, elapsed) / Math.max(usual, 0.001);
  return part < 1 ? 0.85 * part : 0.98 - 0.13 * Math.exp(1 - part);
}

/** @param {Row} row @param {number} now ms @returns {string} time taken, and for a live task what is usual */
export function timing(row, now) {
  if (row.took !== undefined) return `took ${span(row.took)}`;
  if (!row.pace) return "";
  const elapsed = (now - row.start) / 1000, { late, words } = row.pace;
  if (!words) return span(elapsed);
  return `${span(elapsed)}, ` + (elapsed > late ? `longer than usual (${words})` : words);
}

/** @param {Expiry[]} expiring @param {number} now ms @returns {string} */
export function expiry(expiring, now) {
  return expiring.filter(({ until }) => until > now)
    .map(({ what, until }) => `${what} ${span(Math.ceil((until - now) / 60000) * 60)}`).join(" · ");
}

/** An element; of its properties those that are undefined are left out. */
function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (name in node) node[name] = value;
    else node.setAttribute(name === "testid" ? "data-testid" : name, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

/** Typed here, dd deletes no cell of the notebook; Ctrl+S and Shift+Enter are still its own. */
const keepKeys = (root, signal) => addEventListener("keydown", (e) => root.contains(e.target) && e.target.toggleAttribute(
  "data-lm-suppress-shortcuts", !(e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter")), { capture: true, signal });

function render({ model, el, signal, host }) {
  const views = new Map();
  let filter = "all", ahead = 0, timer, player;
  const now = () => clock.now() + ahead;
  const div = (name, ...children) =>
    make("div", { className: `sw-board-${name}`, testid: name, dir: "auto" }, ...children);
  const button = (label, testid, act, props = {}) => {
    const made = make("button", { type: "button", testid, ...props }, label);
    made.addEventListener("click", act, { signal });
    return made;
  };

  const words = make("span", { testid: "money" });
  const badge = make("span", { className: "sw-board-badge", testid: "simulated" }, "simulated, nothing is billed");
  const spent = make("i"), reserved = make("i"), budget = div("budget", spent, reserved);
  const filters = Object.keys(FILTERS).map((name) =>
    button("", `filter-${name}`, () => { filter = name; draw(); }));
  const choice = div("filters", ...filters), resumeWords = make("span");
  choice.setAttribute("role", "group");
  choice.setAttribute("aria-label", "Which tasks to show");
  const resume = div("resume", resumeWords, button("Resume", "resume-button", () => model.send({ kind: "resume" })));
  const expiring = div("expiring"), empty = div("empty"), older = div("older"), stage = div("stage");
  // news is for the ear: the eye has the rows
  const news = div("news"), line = div("line");
  for (const each of [news, line]) each.setAttribute("aria-live", "polite");
  const body = make("tbody", { role: "rowgroup" });
  const table = make("table", { role: "table", "aria-label": "Tasks, the newest first" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" },
      ...["Status", "Task", "Time", "Cost", "Actions"].map((title) =>
        make("th", { scope: "col", role: "columnheader" }, title)))), body);
  const ask = (kind, key) => {
    model.send({ kind, key });
    // open already, out of sight?
    if (kind === "open") stage.scrollIntoView({ block: "nearest" });
  };
  const say = (text, bad = false) => { put(line, text); line.classList.toggle("sw-board-bad", bad); };

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      model.send({ kind: "poster", key: target.dataset.key });
    }
  });

  /** Fill a row; its picture stays, and the focus goes back to the same button. */
  function fill(view, row) {
    const { tr, img } = view, { key, name, pace, cancel } = row;
    const time = div("time"), full = make("i");
    const meter = pace && make("div", { className: "sw-board-bar", role: "progressbar", title: pace.from,
      "aria-label": `Progress of ${name}`, "aria-valuemin": 0, "aria-valuemax": 100, testid: "progress" }, full);
    const act = (label, kind, no) => button(label, kind, () => no ? say(no) : ask(kind, key),
      { "aria-label": `${label}: ${name}`, "aria-disabled": Boolean(no), title: no ?? "" });
    const actions = [cancel !== undefined && act("Cancel", "cancel", cancel), row.clip && act("Play", "open")].filter(Boolean);
    const text = (part) => row[part] && div(part, row[part]);
    const cell = (title, ...children) => make("td", { role: "cell", "data-title": title }, ...children);
    const focused = tr.contains(document.activeElement) && document.activeElement.dataset.testid;
    tr.replaceChildren(
      cell("Status", make("span", { className: "sw-board-word", testid: "status",
        "data-tone": row.warn ? "warn" : row.group }, row.word)),
      make("th", { scope: "row", role: "rowheader" }, row.poster && img, make("div", {},
        div("prompt", name), div("what", row.what), div("what", `${new Date(row.start).toLocaleString([],
          { dateStyle: "medium", timeStyle: "short" })} · `, make("code", {}, key)),
        text("problem"), text("advice"), text("note"))),
      cell("Time", time, meter), cell("Cost", make("span", { testid: "cost" }, row.cost)), cell("Actions", ...actions));
    if (focused) (actions.find((each) => each.dataset.testid === focused) ?? actions[0] ?? filters[0]).focus();
    view.tick = () => {
      put(time, timing(row, now()));
      if (!meter) return;
      const part = progress((now() - row.start) / 1000, pace.usual);
      full.style.width = `${(100 * part).toFixed(1)}%`;
      meter.classList.toggle("sw-board-guess", !pace.words);
      // a bar that rests on no history moves, and claims no figure
      if (pace.words) meter.setAttribute("aria-valuenow", Math.round(100 * part));
      meter.setAttribute("aria-valuetext", time.textContent);
    };
    if (row.poster && !img.src) seen.observe(tr);
  }

  function tick() {
    for (const view of views.values()) view.tick();
    put(expiring, expiry(model.get("summary").expiring ?? [], now()));
  }

  function draw() {
    const rows = model.get("rows"), money = model.get("money"), summary = model.get("summary");
    for (const [at, name] of Object.keys(FILTERS).entries()) {
      put(filters[at], `${FILTERS[name]} ${rows.filter((row) => name === "all" || row.group === name).length}`);
      filters[at].setAttribute("aria-pressed", name === filter);
    }
    put(words, money.words ?? "");
    badge.hidden = !money.simulated;
    budget.hidden = !(money.budget > 0);
    spent.style.width = `${(100 * money.spent) / money.budget}%`;
    reserved.style.width = `${(100 * money.reserved) / money.budget}%`;
    resume.hidden = !summary.resume;
    put(resumeWords, summary.resume ?? "");

    const told = [], keys = new Set(rows.map((row) => row.key));
    for (const [key, { tr, img }] of views) {
      if (keys.has(key)) continue;
      tr.remove();
      URL.revokeObjectURL(img.src);
      views.delete(key);
    }
    for (const row of rows) {
      const { key } = row, json = JSON.stringify(row);
      const view = views.get(key) ?? { tr: make("tr", { role: "row", testid: "row", "data-key": key }),
        img: make("img", { alt: "", testid: "poster", hidden: true }) };
      if (view.row && view.row.word !== row.word) told.push(`${row.name}: ${row.word}`);
      if (view.json !== json) fill(Object.assign(view, { row, json }), row);
      views.set(key, view);
    }
    const wanted = rows.filter((row) => filter === "all" || row.group === filter);
    let after = body.firstChild;
    for (const { key } of wanted) {
      const { tr } = views.get(key);
      if (tr === after) after = tr.nextSibling;
      else body.insertBefore(tr, after);
    }
    while (after) {
      const gone = after;
      after = gone.nextSibling;
      if (gone.contains(document.activeElement)) choice.querySelector("[aria-pressed=true]").focus();
      gone.remove();
    }
    table.hidden = !wanted.length;
    empty.hidden = !table.hidden;
    put(empty, rows.length ? `No ${filter} tasks here.` : "No tasks yet. What you generate appears here.");
    put(older, summary.older ? `${summary.older} older: see studio.log` : "");
    if (told.length) put(news, told.slice(0, 3).join(" · "));
    clearInterval(timer);
    if (rows.some((row) => row.pace)) timer = setInterval(tick, 500);
    else if (summary.expiring?.length) timer = setInterval(tick, 30000);
    tick();
  }

  async function play() {
    player?.abort();
    const { ref, path, title } = model.get("player");
    stage.replaceChildren();
    stage.hidden = !ref;
    if (!ref) return;
    player = new AbortController();
    const both = AbortSignal.any([signal, player.signal]), place = div("player");
    stage.append(div("title", make("strong", {}, title),
      button("Close player", "close", () => model.send({ kind: "close" }))), place);
    try {
      const widget = await host.getWidget(ref);
      if (!both.aborted) await widget.render({ el: place, signal: both });
      stage.scrollIntoView({ block: "nearest" });
    } catch {
      put(place, `The clip cannot be played here; its file is ${path}`);
    }
  }

  const notice = () => {
    if (model.get("notice") || line.classList.contains("sw-board-bad")) say(model.get("notice"), true);
  };
  const heard = ({ kind, key, now: theirs, type }, buffers) => {
    if (kind === "now") { ahead = theirs - clock.now(); tick(); }
    const img = kind === "poster" && views.get(key)?.img;
    if (!img) return;
    URL.revokeObjectURL(img.src);
    Object.assign(img, { src: URL.createObjectURL(new Blob(buffers, { type })), hidden: false });
  };
  const heeded = { "change:rows change:money change:summary": draw, "change:player": play, "change:notice": notice,
    "msg:custom": heard };
  for (const [names, listener] of Object.entries(heeded)) model.on(names, listener);
  signal.addEventListener("abort", () => {
    for (const [names, listener] of Object.entries(heeded)) model.off(names, listener);
    clearInterval(timer);
    seen.disconnect();
    for (const { img } of views.values()) URL.revokeObjectURL(img.src);
  });
  const board = make("div", { className: "sw-board", testid: "board" },
    div("head", make("div", {}, words, " ", badge, budget), choice),
    expiring, resume, news, line, table, empty, older, stage);
  el.append(board);
  keepKeys(board, signal);
  draw();
  notice();
  play();
  model.send({ kind: "hello" });
}

export default { render };
