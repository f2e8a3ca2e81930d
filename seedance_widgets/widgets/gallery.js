/**
 * Drafts to judge: a verdict is shown once Python has it in the log. `drafts`: see gallery.py.
 * @typedef {"accept" | "reject" | "star" | null} Verdict a star is an acceptance too
 */

// Clips kept; how long the pointer rests before a fetch, and Python is silent.
const KEEP = 4, HOVER_MS = 180, PATIENCE_MS = 6000;
const SILENT = "No answer. Is the kernel busy? Without one this is what was saved, to look at.";
const WORDS = { accept: "accepted", star: "accepted with a star", reject: "rejected" };
const SIGNS = { accept: "✓", reject: "✗", star: "★", play: "▶" };
const isAccepted = (verdict) => verdict === "accept" || verdict === "star";

export const FILTERS = {
  all: () => true,
  undecided: (verdict) => !verdict,
  accepted: isAccepted,
  rejected: (verdict) => verdict === "reject",
  starred: (verdict) => verdict === "star",
};

const NAMES = Object.keys(FILTERS);

/** How many pass each filter. @param {Verdict[]} verdicts */
export const counts = (verdicts) =>
  Object.fromEntries(NAMES.map((name) => [name, verdicts.filter(FILTERS[name]).length]));

/**
 * What a press asks for: the same again takes it back; a draft without its star is still accepted.
 * @param {"accept" | "reject" | "star"} verb @param {Verdict} verdict @returns {Verdict}
 */
export function pressed(verb, verdict) {
  if (verb === "star") return verdict === "star" ? "accept" : "star";
  return verdict === verb || verb === "accept" && isAccepted(verdict) ? null : verb;
}

/**
 * Where a key leads in `count` tiles, in rows of `columns`; undefined if nowhere.
 * @param {string} key @param {number} at @param {number} columns @param {number} count
 */
export function moved(key, at, columns, count) {
  const last = count - 1, rowOf = (each) => Math.floor(each / columns);
  return {
    ArrowLeft: Math.max(at - 1, 0),
    ArrowRight: Math.min(at + 1, last),
    ArrowUp: at < columns ? at : at - columns,
    ArrowDown: rowOf(at) === rowOf(last) ? at : Math.min(at + columns, last),
    Home: 0,
    End: last,
  }[key];
}

function make(kind, attributes = {}, ...children) {
  const [tag, name] = kind.split("."), node = document.createElement(tag);
  node.className = `sw-gallery-${name}`;
  node.dataset.testid = `gallery-${name}`;
  for (const each of Object.entries(attributes)) node.setAttribute(...each);
  node.append(...children);
  return node;
}

// Ctrl+S and Shift+Enter are the notebook's; x would cut its cell.
const theirs = (e) => e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter";

function render({ model, el, signal }) {
  const tiles = new Map(), clips = new Map(), waiting = {}, done = [], urls = [];
  let order = [], filter = "all", current, playing, loud, turn = 0, resting, silent;
  const on = (target, event, does, capture) => target.addEventListener(event, does, { signal, capture });

  const filters = NAMES.map((name) => {
    const button = make("button.filter");
    on(button, "click", () => { filter = name; draw(); });
    return button;
  });
  const size = make("input.size", { type: "range", min: 120, max: 480, step: 20, value: 200 });
  const price = make("p.price"), status = make("p.status", { "aria-live": "polite" }), empty = make("p.empty");
  const grid = make("div.grid", { role: "group", "aria-label": "Drafts" });
  const video = make("video.video", { playsinline: "", loop: "" });
  el.append(make("div.root", {},
    make("div.bar", {}, make("div.filters", { role: "group", "aria-label": "Which drafts to show" }, ...filters),
      make("label.label", {}, "Size ", size)), price,
    make("p.help", {}, "Space accepts, x rejects, s stars, u undoes. Arrows move, Enter plays with sound."), status, grid, empty));

  const say = (words, bad = false) => {
    status.textContent = words;
    status.classList.toggle("sw-gallery-bad", bad);
  };
  const mute = () => say(SILENT, true);
  const send = (content) => {
    silent ??= setTimeout(mute, PATIENCE_MS);
    try { model.send(content); } catch { mute(); }
  };
  /** @returns {Promise<Blob>} */
  const ask = (id) => new Promise((...ends) => {
    waiting[id] = ends;
    send({ kind: "load", id });
  });

  const stop = () => {
    turn += 1;
    clearTimeout(resting);
    playing?.view.removeAttribute("data-playing");
    playing = loud = undefined;
    video.removeAttribute("src");
    video.load();
    video.remove();
  };
  const clipUrl = async (id) => {
    const url = clips.get(id) ?? URL.createObjectURL(await ask(id));
    clips.delete(id);
    clips.set(id, url);
    for (const [old, gone] of [...clips].slice(0, -KEEP)) {
      URL.revokeObjectURL(gone);
      clips.delete(old);
    }
    return url;
  };
  const play = async (tile, heard) => {
    stop();
    const mine = turn, { clip, words } = tile.draft;
    if (!clip) return say(`Draft ${tile.number}: ${words}`);
    playing = tile;
    loud = heard;
    tile.view.dataset.playing = "loading";
    try {
      const url = await clipUrl(clip);
      if (mine !== turn) return;
      video.muted = !loud;
      video.src = url;
      tile.view.append(video);
      tile.view.dataset.playing = "";
      await video.play();
    } catch (error) {
      if (mine !== turn) return;
      stop();
      say(`Draft ${tile.number} cannot be played. ${error.message}`, true);
    }
  };
  const toggle = (tile) => playing === tile && loud ? stop() : play(tile, true);

  const verdictOf = (tile) => model.get("verdicts")[tile.draft.key] ?? null;
  const wordOf = (tile) => WORDS[verdictOf(tile)] ?? "undecided";
  const visible = () => order.filter(({ node }) => !node.hidden);
  const count = () => counts(order.map(verdictOf));
  const judge = (tile, wanted) => {
    tile.wanted = wanted;
    tile.node.dataset.pending = "";
    send({ kind: "judge", key: tile.draft.key, verdict: wanted });
  };
  const press = (tile, verb) => {
    const before = tile.wanted === undefined ? verdictOf(tile) : tile.wanted;
    done.push([tile, before]);
    judge(tile, pressed(verb, before));
  };
  const settle = (tile, trouble) => {
    tile.wanted = undefined;
    delete tile.node.dataset.pending;
    if (trouble) say(`Draft ${tile.number}: not saved. ${trouble}`, true);
    else say(`Draft ${tile.number}: ${wordOf(tile)}. ${count().undecided} undecided.`);
  };

  /** The one tile that Tab comes to, with its buttons. */
  const choose = (tile) => {
    const reach = (each, tabIndex) => each?.stops.forEach((node) => Object.assign(node, { tabIndex }));
    reach(current, -1);
    reach(tile, 0);
    current = tile;
  };
  const seen = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
    const tile = tiles.get(target.dataset.key);
    if (!isIntersecting || !tile?.draft.poster) return;
    seen.unobserve(target);
    ask(tile.draft.poster).then((blob) => { tile.poster.src = urls[urls.push(URL.createObjectURL(blob)) - 1]; }, () => {});
  }), { root: grid, rootMargin: "300px" });

  const begin = (key) => {
    const tile = { draft: {} };
    const part = (kind, ...rest) => tile[kind.split(".")[1]] = make(kind, ...rest);
    const verbs = Object.entries(SIGNS).map(([verb, sign]) => {
      const button = part(`button.${verb}`, { tabindex: -1 }, sign);
      on(button, "click", () => verb === "play" ? toggle(tile) : press(tile, verb));
      return button;
    });
    part("div.view", {}, part("img.poster", { alt: "" }), part("b.name"), make("span.mark"),
      part("span.final", {}, "has a final"));
    tile.node = part("div.tile", { role: "group", tabindex: -1, "data-key": key }, tile.view,
      make("div.row", {}, ...verbs),
      ...["p.prompt", "p.facts", "p.words"].map((kind) => part(kind, { dir: "auto" })));
    tile.stops = [tile.node, ...verbs];
    on(tile.node, "focusin", () => choose(tile));
    on(tile.view, "click", () => toggle(tile));
    on(tile.view, "pointerenter", ({ pointerType }) => {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (pointerType === "mouse" && !still && !loud) resting = setTimeout(play, HOVER_MS, tile);
    });
    on(tile.view, "pointerleave", () => {
      clearTimeout(resting);
      if (playing === tile && !loud) stop();
    });
    tiles.set(key, tile);
    grid.append(tile.node);
    return tile;
  };

  const fill = () => {
    const drafts = model.get("drafts");
    order = drafts.map((draft, index) => {
      const tile = tiles.get(draft.key) ?? begin(draft.key), isNews = draft.poster !== tile.draft.poster;
      Object.assign(tile, { draft, number: index + 1 });
      for (const part of ["prompt", "facts", "words"]) tile[part].textContent = draft[part];
      tile.name.textContent = index + 1;
      if (isNews) {
        tile.poster.src = draft.still;
        seen.observe(tile.node);
      }
      return tile;
    });
    grid.style.setProperty("--ratio", drafts[0]?.ratio);
    draw();
  };
  const draw = () => {
    const total = count(), focused = grid.contains(document.activeElement);
    NAMES.forEach((name, at) => Object.assign(filters[at],
      { textContent: `${name} ${total[name]}`, ariaPressed: name === filter }));
    for (const tile of order) {
      const { node, draft, number } = tile, verdict = verdictOf(tile);
      if (tile.wanted === verdict) settle(tile);
      node.hidden = !FILTERS[filter](verdict);
      if (node.hidden && playing === tile) stop();
      node.dataset.verdict = verdict ?? "";
      node.ariaLabel = [`Draft ${number}`, wordOf(tile), draft.facts, draft.prompt].filter(Boolean).join(", ");
      tile.final.hidden = !model.get("finals").includes(draft.key);
      for (const verb of Object.keys(SIGNS)) {
        Object.assign(tile[verb], { ariaLabel: `${verb} draft ${number}`, disabled: !draft.clip });
        if (verb !== "play") tile[verb].ariaPressed = pressed(verb, verdict) !== verb;
      }
    }
    price.textContent = model.get("price");
    const shown = visible();
    grid.hidden = !shown.length;
    empty.textContent = shown.length ? "" : `No ${order.length ? `${filter} ` : ""}drafts.`;
    if (!shown.includes(current)) {
      choose(shown.find(({ number }) => number > current?.number) ?? shown.at(current ? -1 : 0));
      if (focused) (current?.node ?? filters[0]).focus();
    }
  };

  on(window, "keydown", (e) => el.contains(e.target) && e.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs(e)), true);
  on(size, "input", () => grid.style.setProperty("--tile", `${size.value}px`));
  on(grid, "keydown", (event) => {
    const { key, target } = event, tile = tiles.get(target.dataset.key) ?? current;
    if (theirs(event) || target !== tile.node && [" ", "Enter"].includes(key)) return;
    const shown = visible(), verb = { " ": "accept", x: "reject", s: "star" }[key];
    const columns = shown.filter(({ node }) => node.offsetTop === shown[0].node.offsetTop).length;
    const to = shown[moved(key, shown.indexOf(tile), columns, shown.length)];
    if (to) {
      if (to !== tile) stop();
      to.node.focus();
    } else if (verb) {
      if (!event.repeat && tile.draft.clip) press(tile, verb);
    } else if (key === "u") {
      if (done.length) judge(...done.pop());
    } else if (key === "Enter") toggle(tile);
    else if (key === "Escape") stop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const heard = ({ kind, id, key, verdict, type, reason }, buffers) => {
    if (status.textContent === SILENT) say("");
    silent = clearTimeout(silent);
    const [found, lost] = waiting[id] ?? [], tile = tiles.get(key);
    delete waiting[id];
    if (kind === "loaded") found?.(new Blob(buffers, { type }));
    else if (kind === "failed") lost?.(Error(reason));
    else if (tile && tile.wanted === verdict && (reason || verdictOf(tile) === verdict)) settle(tile, reason);
  };
  const heeded = { "change:drafts": fill, "change:verdicts change:finals change:price": draw, "msg:custom": heard };
  for (const each of Object.entries(heeded)) model.on(...each);
  signal.addEventListener("abort", () => {
    for (const each of Object.entries(heeded)) model.off(...each);
    clearTimeout(silent);
    seen.disconnect();
    stop();
    for (const url of [...clips.values(), ...urls]) URL.revokeObjectURL(url);
  });
  fill();
  send({ kind: "hello" });
}

export default { render };
