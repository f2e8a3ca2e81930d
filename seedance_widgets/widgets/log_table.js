/**
 * The table of a log. Python searches, sorts and cuts; a page of rows comes here, see log_table.py.
 *
 * @typedef {{key: string, cells: string[], poster?: number, clip?: number}} Row numbers on the shelf
 * @typedef {{name: string, kind: "number" | "text" | "value"}} Column
 * @typedef {{search: string, sort: string, down: boolean, filters: Record<string, string[]>, page: number, size: number}} Query
 */

import { Requests, View, blobUrl, elementMaker, prefersStill, setStatus, setText, widgetOf } from "./shared.js";

const SIZES = [10, 25, 50, 100];
// A word is typed before it is searched; a pointer that passes by plays nothing.
const TYPING_MS = 120, HOVER_MS = 180;
const ACTS = {
  compare: { words: "Compare" },
  promote: { words: "Promote…", label: "Resolution of the finals", value: "1080p" },
  rerun: { words: "Rerun…" },
  retry: { words: "Retry…" },
  tag: { words: "Tag…", label: "Tag, as in campaign=spring", value: "" },
  code: { words: "Copy as code" },
  keys: { words: "Copy keys" },
  export: { words: "Export…", label: "File: .csv, .xlsx or .parquet", value: "log.csv" },
};

/**
 * What is chosen after a row was pressed.
 * @param {string[]} selected keys @param {string[]} page keys in the order shown @param {string} key pressed
 * @param {string | undefined} from key that was pressed before, where all between are meant
 * @returns {string[]}
 */
export function choose(selected, page, key, from) {
  const [a, b] = [page.indexOf(from), page.indexOf(key)];
  if (from !== undefined && a >= 0 && b >= 0) {
    const range = page.slice(Math.min(a, b), Math.max(a, b) + 1);
    return [...selected.filter((each) => !range.includes(each)), ...range];
  }
  return selected.includes(key) ? selected.filter((each) => each !== key) : [...selected, key];
}

/** @param {Query} query @param {string} name @returns {Query} sorted by a column, or the other way round */
export function sortBy(query, name) {
  return { ...query, sort: name, down: query.sort === name ? !query.down : false, page: 0 };
}

/** @param {Query} query @param {string} name @param {string} value "" for any @returns {Query} */
export function filterBy(query, name, value) {
  const filters = { ...query.filters };
  if (value === "") delete filters[name];
  else filters[name] = [value === NOTHING ? "" : value];
  return { ...query, filters, page: 0 };
}
const NOTHING = "(nothing)";

/** @param {Query} query @param {{found: number, total: number}} facts @returns {string} */
export function summary({ page, size }, { found, total }) {
  if (!found) return total ? `none of ${total.toLocaleString("en")} found` : "no tasks yet";
  const first = page * size + 1;
  const last = Math.min(found, first + size - 1);
  const of = found === total ? total.toLocaleString("en") : `${found.toLocaleString("en")} found of ${total.toLocaleString("en")}`;
  return `${first.toLocaleString("en")}–${last.toLocaleString("en")} of ${of}`;
}

const make = elementMaker("log_table", "table-");

class TableView extends View {
  /** @type {Map<number, string>} addresses of posters by their number */
  posters = new Map();
  /** @type {string | undefined} the row that was pressed last */
  last = undefined;
  /** @type {string | undefined} the row that has the focus */
  current = undefined;
  typing = 0;
  hovering = 0;
  requests = new Requests((content) => this.model.send(content));
  sight = this.observerOfSight((image) => this.loadPoster(image));

  build() {
    this.line = make("div.line", { dir: "auto", "aria-live": "polite" });
    this.table = make("table.table", { "aria-label": "Tasks of the log" });
    this.stage = make("div.stage", { hidden: true });
    const scroll = make("div.scroll", { tabindex: 0, role: "region", "aria-label": "Table of tasks" }, this.table);
    this.root = make("div.root", { "data-testid": "log-table" },
      this.buildHead(), this.buildActs(), this.line, this.buildAsk(), scroll, this.buildPages(), this.stage);
  }

  buildHead() {
    this.search = make("input.search", { type: "search", placeholder: "Search", "aria-label": "Search in all columns" });
    this.on(this.search, "input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.ask({ ...this.query, search: this.search.value, page: 0 }), TYPING_MS);
    });
    this.filters = make("span.filters");
    this.chosenColumns = make("div.names");
    const columns = make("details.columns", {}, make("summary", {}, "Columns"), this.chosenColumns);
    this.on(columns, "keydown", (event) => {
      if (event.key === "Escape") columns.open = false;
    });
    return make("div.head", {}, this.search, this.filters, columns);
  }

  buildActs() {
    this.count = make("span.count", { "aria-live": "polite" });
    this.acts = Object.entries(ACTS).map(([act, { words }]) => {
      const button = make(`button.${act}`, { type: "button" }, words);
      this.on(button, "click", () => this.press(act));
      return [act, button];
    });
    this.form = make("form.value", { hidden: true });
    this.on(this.form, "submit", (event) => {
      event.preventDefault();
      this.form.hidden = true;
      this.model.send({ kind: "act", act: this.form.dataset.act, value: this.form.elements.value.value });
    });
    const all = make("button.every", { type: "button" }, "Select all found");
    this.on(all, "click", () => this.model.send({ kind: "every" }));
    const none = make("button.none", { type: "button" }, "Select none");
    this.on(none, "click", () => this.select([]));
    const buttons = this.acts.map(([, button]) => button);
    return make("div.acts", { role: "group", "aria-label": "What to do with the chosen tasks" },
      this.count, all, none, ...buttons, this.form);
  }

  buildAsk() {
    this.askWords = make("span.words");
    this.yes = make("button.yes", { type: "button" });
    this.no = make("button.no", { type: "button" }, "No");
    this.on(this.yes, "click", () => this.model.send({ kind: "agree", yes: true }));
    this.on(this.no, "click", () => this.model.send({ kind: "agree", yes: false }));
    this.askLine = make("div.ask", { role: "alertdialog", "aria-label": "Costs money", hidden: true },
      this.askWords, this.yes, this.no);
    return this.askLine;
  }

  buildPages() {
    const button = (name, words, label, page) => {
      const made = make(`button.${name}`, { type: "button", "aria-label": label }, words);
      this.on(made, "click", () => this.ask({ ...this.query, page: page() }));
      return made;
    };
    this.turns = [
      button("first", "«", "First page", () => 0),
      button("before", "‹", "Page before", () => this.query.page - 1),
      button("next", "›", "Next page", () => this.query.page + 1),
      button("last", "»", "Last page", () => this.pages - 1),
    ];
    this.where = make("span.where", { "aria-live": "polite" });
    this.size = make("select.size", { "aria-label": "Rows a page" },
      ...SIZES.map((size) => make("option", { value: size }, `${size} rows`)));
    this.on(this.size, "change", () => this.ask({ ...this.query, size: Number(this.size.value), page: 0 }));
    return make("div.pages", {}, this.turns[0], this.turns[1], this.where, this.turns[2], this.turns[3], this.size);
  }

  listen() {
    this.hear({
      "change:rows change:columns change:query change:facts": () => this.drawSoon(),
      "change:selected": () => this.drawSelection(),
      "change:notice": () => this.drawNotice(),
      "change:ask": () => this.drawAsk(),
      "change:below": () => this.drawBelow(),
      "msg:custom": (message, buffers) => this.receive(message, buffers),
    });
    this.on(this.root, "keydown", (event) => this.key(event));
  }

  start() {
    this.draw();
    this.drawNotice();
    this.drawAsk();
    this.drawBelow();
  }

  end() {
    clearTimeout(this.typing);
    clearTimeout(this.hovering);
    this.requests.abandon();
    for (const address of this.posters.values()) URL.revokeObjectURL(address);
  }

  // --- what is asked of Python ---------------------------------------------------------------------------------

  /** @returns {Query} */
  get query() {
    return this.get("query");
  }

  get pages() {
    return Math.max(1, Math.ceil(this.get("facts").found / this.query.size));
  }

  ask(query) {
    this.model.send({ kind: "query", query });
  }

  select(keys) {
    this.model.set("selected", keys);
    this.model.save_changes();
    this.drawSelection();
  }

  press(act) {
    const { label, value } = ACTS[act];
    if (label === undefined) {
      this.form.hidden = true;
      this.model.send({ kind: "act", act });
      return;
    }
    this.form.dataset.act = act;
    const input = make("input.value-text", { name: "value", value, "aria-label": label, placeholder: label });
    const go = make("button.value-go", { type: "submit" }, ACTS[act].words.replace("…", ""));
    this.form.replaceChildren(make("label", {}, `${label} `, input), go);
    this.form.hidden = false;
    input.focus();
    input.select();
  }

  receive(message, buffers) {
    if (message.kind === "copy") this.copy(message);
    else this.requests.receive(message, buffers);
  }

  async copy({ text, what }) {
    try {
      await navigator.clipboard.writeText(text);
      setStatus(this.line, `${what} copied`);
    } catch {
      // without leave to write there: to be copied by hand
      const area = make("textarea.copied", { readonly: true, rows: 6, "aria-label": what });
      area.value = text;
      this.stage.replaceChildren(area);
      this.stage.hidden = false;
      area.select();
      setStatus(this.line, `${what}: press Ctrl+C`);
    }
  }

  // --- keys ----------------------------------------------------------------------------------------------------

  key(event) {
    const inField = event.target.closest("input, select, textarea, summary");
    if (event.key === "Escape" && !this.form.hidden) {
      this.form.hidden = true;
      this.focusRow();
    }
    if (inField || event.altKey) return;
    const keys = this.get("rows").map((row) => row.key);
    const at = Math.max(0, keys.indexOf(this.current));
    const isRow = event.target.closest("tr[data-key]") && !event.target.closest("button");
    const act = {
      "/": () => this.search.focus(),
      ...(isRow && {
        ArrowDown: () => this.move(keys, Math.min(keys.length - 1, at + 1), event.shiftKey),
        ArrowUp: () => this.move(keys, Math.max(0, at - 1), event.shiftKey),
        Home: () => this.move(keys, 0, event.shiftKey),
        End: () => this.move(keys, keys.length - 1, event.shiftKey),
        PageDown: () => this.query.page < this.pages - 1 && this.ask({ ...this.query, page: this.query.page + 1 }),
        PageUp: () => this.query.page > 0 && this.ask({ ...this.query, page: this.query.page - 1 }),
        " ": () => this.pick(this.current, event.shiftKey),
        Enter: () => this.play(this.current),
      }),
    }[event.key];
    if (!act || (event.ctrlKey || event.metaKey) || (event.shiftKey && event.key === "Enter")) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  move(keys, place, extend) {
    if (extend) this.select(choose(this.get("selected"), keys, keys[place], this.current));
    this.current = keys[place];
    this.focusRow();
  }

  pick(key, range) {
    const page = this.get("rows").map((row) => row.key);
    this.select(choose(this.get("selected"), page, key, range ? (this.last ?? this.current) : undefined));
    this.last = key;
  }

  focusRow() {
    this.table.querySelector(`tr[data-key="${CSS.escape(this.current ?? "")}"]`)?.focus();
  }

  // --- drawing -------------------------------------------------------------------------------------------------

  /** Several traits change at once. */
  drawSoon() {
    if (this.isDue) return;
    this.isDue = true;
    queueMicrotask(() => {
      this.isDue = false;
      if (!this.signal.aborted) this.draw();
    });
  }

  draw() {
    const hadFocus = this.table.contains(document.activeElement) && document.activeElement.closest("tr[data-key]");
    const sorted = document.activeElement?.dataset?.sort;
    this.drawFilters();
    this.drawColumns();
    this.drawHeader();
    this.drawRows();
    this.drawSelection();
    const { page } = this.query;
    setText(this.where, summary(this.query, this.get("facts")));
    this.turns.forEach((button, place) => {
      button.disabled = place < 2 ? page === 0 : page >= this.pages - 1;
    });
    this.size.value = String(this.query.size);
    if (document.activeElement !== this.search) this.search.value = this.query.search;
    for (const [act, button] of this.acts) {
      button.hidden = !["keys", "export"].includes(act) && !this.get("facts").acts.includes(act);
    }
    if (hadFocus) this.focusRow();
    if (sorted) this.table.querySelector(`[data-sort="${CSS.escape(sorted)}"]`)?.focus();
  }

  drawFilters() {
    const { choices } = this.get("facts");
    const names = JSON.stringify([choices, this.query.filters]);
    if (names === this.drawnFilters) return;
    this.drawnFilters = names;
    const selects = Object.entries(choices).map(([name, values]) => {
      const options = ["", ...values.map((value) => value || NOTHING)].map((value) =>
        make("option", { value }, value || `any ${name}`));
      const select = make("select.filter", { "aria-label": `Only with ${name}`, "data-filter": name }, ...options);
      const [chosen] = this.query.filters[name] ?? [undefined];
      select.value = chosen === undefined ? "" : chosen || NOTHING;
      this.on(select, "change", () => this.ask(filterBy(this.query, name, select.value)));
      return select;
    });
    const focused = document.activeElement?.dataset?.filter;
    this.filters.replaceChildren(...selects);
    if (focused) this.filters.querySelector(`[data-filter="${CSS.escape(focused)}"]`)?.focus();
  }

  drawColumns() {
    const shown = this.get("columns").map(({ name }) => name);
    const { all } = this.get("facts");
    const names = JSON.stringify([shown, all]);
    if (names === this.drawnColumns) return;
    this.drawnColumns = names;
    const focused = document.activeElement?.dataset?.column;
    this.chosenColumns.replaceChildren(...all.map((name) => {
      const box = make("input", { type: "checkbox", "data-column": name });
      box.checked = shown.includes(name);
      this.on(box, "change", () => {
        const names = box.checked ? [...shown, name] : shown.filter((each) => each !== name);
        this.model.send({ kind: "columns", names });
      });
      return make("label", {}, box, ` ${name}`);
    }));
    if (focused) this.chosenColumns.querySelector(`[data-column="${CSS.escape(focused)}"]`)?.focus();
  }

  drawHeader() {
    const { sort, down } = this.query;
    this.every = make("input.page-box", { type: "checkbox", "aria-label": "Select this page" });
    this.on(this.every, "change", () => {
      const page = this.get("rows").map((row) => row.key);
      const others = this.get("selected").filter((key) => !page.includes(key));
      this.select(this.every.checked ? [...others, ...page] : others);
    });
    const titles = this.get("columns").map(({ name, kind }) => {
      const arrow = sort === name ? (down ? " ▾" : " ▴") : "";
      const button = make("button.sort", { type: "button", "data-sort": name }, `${name}${arrow}`);
      this.on(button, "click", () => this.ask(sortBy(this.query, name)));
      const order = sort === name ? (down ? "descending" : "ascending") : undefined;
      return make("th", { scope: "col", "aria-sort": order, "data-kind": kind }, button);
    });
    const look = make("th", { scope: "col" }, make("span", {}, "clip"));
    this.head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, this.every), look, ...titles));
  }

  drawRows() {
    /** @type {Row[]} */
    const rows = this.get("rows");
    const columns = this.get("columns");
    if (!rows.some((row) => row.key === this.current)) this.current = rows[0]?.key;
    const body = make("tbody", {}, ...rows.map((row) => this.buildRow(row, columns)));
    this.table.replaceChildren(this.head, body);
    this.table.hidden = !rows.length;
    const numbers = new Set(rows.map((row) => row.poster));
    for (const [number, address] of this.posters) {
      if (numbers.has(number)) continue;
      URL.revokeObjectURL(address);
      this.posters.delete(number);
    }
  }

  buildRow(row, columns) {
    const name = row.cells[0] || row.key;
    const box = make("input.box", { type: "checkbox", tabindex: -1, "aria-label": `Select ${name}` });
    this.on(box, "click", (event) => this.pick(row.key, event.shiftKey));
    const cells = columns.map(({ name: column, kind }, place) =>
      make("td", { dir: "auto", "data-kind": kind, title: column }, make("div", {}, row.cells[place])));
    const line = make("tr", { "data-key": row.key, tabindex: row.key === this.current ? 0 : -1 },
      make("td", {}, box), make("td", {}, this.buildLook(row, name)), ...cells);
    this.on(line, "focus", () => this.mark(row.key));
    return line;
  }

  mark(key) {
    this.current = key;
    for (const line of this.table.querySelectorAll("tr[data-key]")) line.tabIndex = line.dataset.key === key ? 0 : -1;
  }

  /** A poster that plays while the pointer is on it. */
  buildLook(row, name) {
    if (row.poster === undefined) return "";
    const image = make("img.poster", { alt: "", "data-poster": row.poster });
    const known = this.posters.get(row.poster);
    if (known) image.src = known;
    else this.sight.observe(image);
    if (row.clip === undefined) return image;
    const look = make("button.look", { type: "button", tabindex: -1, "aria-label": `Play ${name}` }, image);
    this.on(look, "click", () => this.play(row.key));
    this.on(look, "mouseenter", () => {
      clearTimeout(this.hovering);
      if (!prefersStill()) this.hovering = setTimeout(() => this.preview(look, row.clip), HOVER_MS);
    });
    this.on(look, "mouseleave", () => {
      clearTimeout(this.hovering);
      const video = look.querySelector("video");
      if (video) URL.revokeObjectURL(video.src);
      video?.remove();
    });
    return look;
  }

  async loadPoster(image) {
    const number = Number(image.dataset.poster);
    try {
      const blob = await this.requests.load(number);
      if (!this.posters.has(number)) this.posters.set(number, blobUrl([blob], blob.type));
      image.src = this.posters.get(number);
    } catch {
      image.remove(); // the row says all the same
    }
  }

  async preview(look, number) {
    try {
      const blob = await this.requests.load(number);
      if (!look.matches(":hover") || look.querySelector("video")) return;
      const video = make("video.preview", { loop: true, playsinline: true, "aria-hidden": "true" });
      Object.assign(video, { muted: true, src: blobUrl([blob], blob.type) });
      look.append(video);
      await video.play();
    } catch {
      // it plays when pressed, which says why it does not
    }
  }

  /** Play a row's clip under the table, with its sound. */
  async play(key) {
    const row = this.get("rows").find((each) => each.key === key);
    if (row?.clip === undefined) {
      setStatus(this.line, "this task has no clip that can be played here");
      return;
    }
    try {
      const blob = await this.requests.load(row.clip);
      const video = make("video.video", { controls: true, playsinline: true, "aria-label": row.cells[0] || key });
      video.src = blobUrl([blob], blob.type);
      const close = make("button.close", { type: "button" }, "Close");
      this.on(close, "click", () => this.leaveStage());
      this.on(this.stage, "keydown", (event) => event.key === "Escape" && this.leaveStage());
      this.leaveStage(false);
      this.stage.replaceChildren(make("div.title", {}, make("strong", { dir: "auto" }, row.cells[0] || key), close), video);
      this.stage.hidden = false;
      this.stage.scrollIntoView({ block: "nearest" });
      video.focus();
      await video.play();
    } catch (error) {
      setStatus(this.line, `the clip cannot be played: ${error.message}`, true);
    }
  }

  leaveStage(andFocus = true) {
    const video = this.stage.querySelector("video");
    if (video) URL.revokeObjectURL(video.src);
    this.stage.replaceChildren();
    this.stage.hidden = true;
    if (this.get("below").ref) this.model.send({ kind: "close" });
    if (andFocus) this.focusRow();
  }

  drawSelection() {
    const selected = new Set(this.get("selected"));
    for (const line of this.table.querySelectorAll("tr[data-key]")) {
      const isChosen = selected.has(line.dataset.key);
      line.toggleAttribute("data-chosen", isChosen);
      line.querySelector("input").checked = isChosen;
    }
    const page = this.get("rows").filter((row) => selected.has(row.key)).length;
    this.every.checked = page > 0 && page === this.get("rows").length;
    this.every.indeterminate = page > 0 && !this.every.checked;
    setText(this.count, selected.size ? `${selected.size.toLocaleString("en")} selected` : "none selected");
    for (const [act, button] of this.acts) button.disabled = !selected.size && act !== "export";
  }

  drawNotice() {
    const notice = this.get("notice");
    const isGood = /^(done|\d|.* taken away)/.test(notice);
    setStatus(this.line, notice, Boolean(notice) && !isGood);
  }

  drawAsk() {
    const { words, yes } = this.get("ask");
    this.askLine.hidden = !words;
    if (!words) return;
    setText(this.askWords, words);
    setText(this.yes, yes);
    this.no.focus();
  }

  /** The widget that Python has opened, or none. */
  async drawBelow() {
    const { ref, title } = this.get("below");
    if (!ref) return;
    const place = make("div.widget");
    const close = make("button.close", { type: "button" }, "Close");
    this.on(close, "click", () => this.leaveStage());
    this.stage.replaceChildren(make("div.title", {}, make("strong", {}, title), close), place);
    this.stage.hidden = false;
    try {
      const widget = await this.host.getWidget(ref);
      await widget.render({ el: place, signal: this.signal });
      this.stage.scrollIntoView({ block: "nearest" });
    } catch {
      setText(place, "It cannot be shown here.");
    }
  }
}

export default widgetOf(TableView);
