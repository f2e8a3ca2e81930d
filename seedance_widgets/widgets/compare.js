// Two to nine clips in step: the longest is the clock, the others follow it. `clips`: see compare.py.

// Seconds of drift: up to NEAR left alone; a change of rate mends it until CLOSE. For who is LATE or on its way the
// clock waits, which works at once, however slow seeks are. Beyond FAR a seek.
const NEAR = 0.04, CLOSE = 0.01, LATE = 0.12, FAR = 0.5, GAIN = 8, CATCH_UP = 2;
// Pixels: how narrow a column may be, and the gap between two in compare.css.
const LEAST = 150, GAP = 10;
const TICK_MS = 40, WAIT_MS = 10000, PATIENCE_MS = 6000;

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Whether the clock waits for a follower; `held`: it does already. One that seeks tells where it will be. */
export const waits = (master, { currentTime, duration, seeking }, held) =>
  master < duration && (seeking ? currentTime <= master : master - currentTime > (held ? NEAR : LATE));

/**
 * What brings a follower back to the clock; `nudging`: its rate is changed already.
 * @returns {{rate: number, seek: number | null}} seek: seconds
 */
export function correction(master, { currentTime, duration }, { rate = 1, held, nudging } = {}) {
  const drift = currentTime - master, off = Math.abs(drift), pace = held ? 0 : rate;
  if (master >= duration) return { rate: pace, seek: duration - currentTime > NEAR ? duration : null };
  if (off > (drift < 0 ? FAR : FAR * Math.min(1, rate))) return { rate: pace, seek: master };
  if (off <= (nudging ? CLOSE : NEAR)) return { rate: pace, seek: null };
  const nudged = pace - Math.sign(drift) * clamp(off * GAIN, 0.1, held ? CATCH_UP : Math.max(1, rate));
  // tenths: browsers refuse rates near 0
  return { rate: Math.round(Math.max(0, nudged) * 10) / 10, seek: null };
}

/** The first of the longest; -1 of none. */
export const clockOf = (durations) => durations.findIndex((one) => one >= Math.max(...durations) - NEAR);

/** As "0:02.4". */
export function formatTime(seconds) {
  const time = Math.floor(seconds * 10 + 1e-6) / 10;
  return `${Math.floor(time / 60)}:${(time % 60).toFixed(1).padStart(4, "0")}`;
}

/** Columns for so many clips, each of at least LEAST pixels. */
export function columns(count, width, ratio = 16 / 9) {
  const best = ratio < 1 ? 4 : count === 4 ? 2 : 3;
  return clamp(Math.floor((width + GAP) / (LEAST + GAP)), 1, Math.min(count, best));
}

function make(kind, attributes = {}, ...children) {
  const [tag, name] = kind.split("."), node = document.createElement(tag);
  node.className = `sw-compare-${name}`;
  node.dataset.testid = `compare-${name}`;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Typed here, dd deletes no cell of the notebook; Ctrl+S and Shift+Enter are still its own. */
const keepKeys = (root, signal) => addEventListener("keydown", (e) => root.contains(e.target) && e.target.toggleAttribute(
  "data-lm-suppress-shortcuts", !(e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter")), { signal, capture: true });

function render({ model, el, signal }) {
  const play = make("button.play"), grid = make("div.grid"), time = make("span.time");
  const slider = make("input.seek", { type: "range", step: 1 / 24, "aria-label": "Position" });
  const speed = make("select.rate", {}, ...[0.25, 0.5, 0.75, 1, 1.25, 1.5, 2].map((x) => new Option(`${x}x`, x, false, x === 1)));
  const loop = make("input.loop", { type: "checkbox" }), status = make("p.status", { "aria-live": "polite" });
  const root = make("div.root", { tabindex: 0, role: "group", "aria-label": "Clips side by side" }, grid, make("div.bar", {}, play, slider, time,
    make("label.label", {}, "Speed ", speed), make("label.label", {}, loop, " Loop")), status);
  loop.checked = model.get("loop");
  el.append(root);
  keepKeys(root, signal);

  const waiting = {};
  let playing = false, held = false, asked = false, rate = 1, sounding = -1, large = -1, turn = 0, timer = 0;
  const on = (target, event, does, once = false) => target.addEventListener(event, does, { signal, once });
  const say = (words) => status.textContent = words;
  const until = (video, ...events) => new Promise((done) => {
    for (const event of events) on(video, event, done, true);
    setTimeout(done, WAIT_MS);
  });
  /** What lies under a number, as a Blob. */
  const ask = (id) => new Promise((resolve, reject) => {
    const late = setTimeout(say, PATIENCE_MS, "No answer yet. Is the kernel busy? If not, run the cell again.");
    waiting[id] = (blob, reason) => {
      clearTimeout(late);
      blob ? resolve(blob) : reject(Error(reason));
    };
    model.send({ kind: "load", id });
  });

  const cells = model.get("clips").map((_, index) => {
    const cell = { clip: {} }, number = index + 1;
    const part = (kind, ...rest) => cell[kind.split(".")[1]] = make(kind, ...rest);
    part("video.video", { playsinline: "", preload: "auto" });
    part("button.view", { "aria-label": `Enlarge clip ${number}` }, cell.video);
    part("span.name");
    part("button.sound", { "aria-label": `Sound of clip ${number}` }, "Sound");
    part("button.again", {}, "Try again");
    part("p.words");
    part("dl.facts");
    const head = make("div.head", {}, make("b.number", {}, number), cell.name, cell.sound, cell.again);
    grid.append(make("figure.cell", {}, cell.view, head, cell.words, cell.facts));
    // at once: by the next look the others have run away
    for (const event of ["seeking", "seeked"]) on(cell.video, event, tick);
    on(cell.view, "click", () => enlarge(index));
    on(cell.sound, "click", () => choose(index));
    on(cell.again, "click", () => { drop(cell); load(cell); });
    return cell;
  });
  const videos = () => cells.filter(({ ready, video }) => ready && !video.error).map(({ video }) => video);
  const clock = () => videos()[clockOf(videos().map(({ duration }) => duration))];
  const now = () => clock()?.currentTime ?? 0;
  const length = () => clock()?.duration ?? Math.max(...cells.map(({ clip }) => clip.duration));
  const start = (video) => now() < video.duration - NEAR && video.play().catch(() => {});

  function tick() {
    const lead = clock(), at = now(), others = videos().filter((video) => video !== lead);
    if (!playing || !lead) return;
    if (lead.ended) return loop.checked ? settle(0) : go(false);
    if (lead.paused) return;
    held = lead.seeking || others.some((video) => waits(at, video, held));
    lead.playbackRate = held ? 0 : rate;
    for (const video of others) {
      if (video.seeking) continue;
      const fix = correction(at, video, { rate, held, nudging: video.playbackRate !== lead.playbackRate });
      video.playbackRate = fix.rate;
      if (fix.seek !== null) video.currentTime = fix.seek;
      if (video.paused) start(video);
    }
    drawTime();
  }
  /** Set all to one time; once all are there, go on or rest. */
  const settle = async (at) => {
    const mine = ++turn;
    held = false;
    await Promise.all(videos().map((video) => {
      video.pause();
      video.playbackRate = rate;
      video.currentTime = clamp(at, 0, video.duration);
      return video.seeking && until(video, "seeked");
    }));
    drawTime();
    if (mine === turn && playing) videos().forEach(start);
  };
  const go = (wanted) => {
    playing = wanted;
    clearInterval(timer);
    if (playing) timer = setInterval(tick, TICK_MS);
    play.textContent = playing ? "Pause" : "▶ Play";
    drawTime();
  };
  const toggle = async () => {
    if (!playing) await loadAll();
    if (!clock()) return;
    go(!playing);
    settle(playing && now() >= length() - NEAR ? 0 : now());
  };

  const load = async (cell) => {
    const { clip, video } = cell;
    cell.has = clip.id;
    try {
      const blob = await ask(clip.id);
      if (cell.clip.id !== clip.id) return;
      video.src = cell.url = URL.createObjectURL(blob);
      await until(video, "canplay", "error");
      if (video.readyState < 2) throw Error("This browser cannot play it.");
      cell.ready = true;
    } catch (error) {
      drop(cell);
      cell.error = `${clip.name} could not be loaded. ${error.message}`;
    }
    draw();
    settle(now());
  };
  const loadAll = async () => {
    asked = play.disabled = true;
    const wanted = cells.filter(({ clip, has }) => clip.id && has !== clip.id);
    const size = wanted.reduce((sum, { clip }) => sum + clip.bytes, 0) / 1e6;
    let here = 0;
    const tell = () => say(`Loading ${size.toFixed(1)} MB: ${here++} of ${wanted.length} clips …`);
    tell();
    await Promise.all(wanted.map((cell) => load(cell).then(tell)));
    play.disabled = false;
    const lost = cells.length - videos().length;
    say(lost ? `${lost} of ${cells.length} clips cannot play now.` : "");
  };
  const drop = (cell) => {
    URL.revokeObjectURL(cell.url);
    Object.assign(cell, { ready: false, error: "" });
    cell.video.poster = cell.clip.poster;
    cell.video.removeAttribute("src");
    cell.video.load();
  };

  const drawTime = () => {
    Object.assign(slider, { max: length(), value: now(), disabled: !clock() });
    time.textContent = slider.ariaValueText = `${formatTime(now())} / ${formatTime(length())}`;
  };
  const choose = (index) => {
    if (!cells[index]?.clip.audio) return say(`Clip ${index + 1} has no sound.`);
    sounding = sounding === index ? -1 : index;
    say(sounding < 0 ? "Sound off" : `Sound of clip ${index + 1}`);
    draw();
  };
  const enlarge = (index) => {
    large = large === index ? -1 : index;
    draw();
  };
  const caption = ({ name, text, id }) => {
    const value = make("dd.value", { dir: "auto" }, text), more = make("button.more", {}, "Show all");
    on(more, "click", () => ask(id).then(async (blob) => {
      value.textContent = await blob.text();
      value.tabIndex = 0;
      value.focus();
    }, (error) => say(error.message)));
    if (id) value.append(" ", more);
    return [make("dt.term", {}, name), value];
  };
  const draw = () => {
    cells.forEach((cell, index) => {
      const clip = model.get("clips")[index], fresh = clip.id !== cell.clip.id;
      if (clip !== cell.clip) cell.facts.replaceChildren(...clip.captions.flatMap(caption));
      cell.clip = clip;
      if (fresh) drop(cell);
      cell.video.style.setProperty("--ratio", clip.width / clip.height);
      cell.name.textContent = clip.label;
      cell.sound.hidden = !clip.audio;
      cell.again.hidden = !cell.error;
      cell.words.textContent = [cell.error || clip.words, ...clip.notes].join(" ");
      cell.view.ariaPressed = index === large;
      cell.sound.ariaPressed = index === sounding;
      // to keep the pitch of what nobody hears costs 25 ms a change of rate
      Object.assign(cell.video, { preservesPitch: index === sounding, muted: index !== sounding });
      if (fresh && asked && clip.id) load(cell);
    });
    drawTime();
  };

  on(play, "click", toggle);
  on(slider, "input", () => settle(+slider.value + CLOSE));
  on(speed, "change", () => { rate = +speed.value; });
  on(root, "keydown", (event) => {
    const { key, target } = event, way = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (event.ctrlKey || event.metaKey || event.altKey || target === speed || way && target === slider) return;
    if (key === " " && [root, slider].includes(target)) play.click();
    else if (way) settle(now() + way * (event.shiftKey ? 5 : 1));
    else if (key > 0) choose(key - 1);
    else if (key === "Escape") enlarge(large);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const resized = new ResizeObserver(() => {
    const { clip } = cells[0];
    grid.style.setProperty("--columns", columns(cells.length, grid.clientWidth, clip.width / clip.height));
  });
  const heard = ({ kind, id, type, reason }, buffers) =>
    waiting[id]?.(kind === "loaded" && new Blob([buffers[0]], { type }), reason);
  const heeded = { "change:clips": draw, "msg:custom": heard };
  for (const name in heeded) model.on(name, heeded[name]);
  signal.addEventListener("abort", () => {
    for (const name in heeded) model.off(name, heeded[name]);
    resized.disconnect();
    go(false);
    cells.forEach(drop);
  });
  draw();
  go(false);
  resized.observe(grid);
}

export default { render };
