// Two clips in step, and keys to judge them by. Messages: see rater.py.

// Seconds of drift: up to NEAR left alone, mended until CLOSE by a change of rate, beyond FAR by a seek.
const NEAR = 0.04, CLOSE = 0.01, FAR = 0.3, GAIN = 3;
// before its end a clip shows its last frame
const END = 0.03;
const TICK_MS = 40, WAIT_MS = 20000, PATIENCE_MS = 6000;

/** What brings one clip back to the other. @param {number} clock @param {number} follower seconds @param {boolean} nudging */
export function correction(clock, follower, nudging = false) {
  const drift = follower - clock, off = Math.abs(drift);
  if (off > FAR) return { rate: 1, seek: clock };
  if (off <= (nudging ? CLOSE : NEAR)) return { rate: 1, seek: null };
  // tenths: browsers refuse rates near 0
  return { rate: Math.round((1 - Math.sign(drift) * Math.max(off * GAIN, 0.1)) * 10) / 10, seek: null };
}

/** Whether half of each was played. @param {number[]} seen seconds @param {number} length seconds */
export const enough = (seen, length) => seen.every((each) => each >= length / 2 - END);

/** Off, left, right by turns; off or what is on top. @param {number} sound 0, 1, 2 @param {number} top 0 none, 1, 2 */
export const nextSound = (sound, top) => (top ? (sound ? 0 : top) : (sound + 1) % 3);

/** Counts the seconds while it runs. @param {() => number} now milliseconds */
export function stopwatch(now) {
  let passed = 0, since = null;
  const seconds = () => (passed + (since === null ? 0 : now() - since)) / 1000;
  return {
    seconds,
    start() { since ??= now(); },
    stop() { [passed, since] = [seconds() * 1000, null]; },
    reset() { [passed, since] = [0, null]; },
  };
}

function make(kind, attributes = {}, ...children) {
  const [tag, name] = kind.split("."), node = document.createElement(tag);
  node.className = `sw-rater-${name}`;
  node.dataset.testid = `rater-${name}`;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const SIDES = ["Left", "Right"], HEARD = ["off", "left", "right"];
// act: [its key, what the button says]
const VOTES = { left: ["1", "Left"], tie: ["3", "Tie"], right: ["2", "Right"], skip: ["0", "Skip"] };
const TOOLS = { play: ["Space", "Play"], flip: ["F", "Flip"], apart: ["Escape", "Side by side"], sound: ["M", ""], undo: ["U", "Undo"] };
const ACTS = { ...VOTES, ...TOOLS };
// Ctrl+S and Shift+Enter are the notebook's; dd would delete its cell.
const theirs = (e) => e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter";

function render({ model, el, signal }) {
  const on = (target, event, does, how) => target.addEventListener(event, does, { signal, ...how });
  const buttons = {};
  const row = (name, label, some) => make(`div.${name}`, { role: "group", "aria-label": label },
    ...Object.entries(some).map(([act, [key, text]]) => {
      const shown = make("kbd.key", { "aria-hidden": "true" }, key);
      const node = make(`button.${act}`, { "aria-keyshortcuts": key }, shown, make("span.words", {}, text));
      on(node, "click", (event) => {
        // a button that was clicked must not keep the space bar
        if (event.detail) root.focus({ preventScroll: true });
        acts[act]();
      });
      return (buttons[act] = node);
    }));
  const videos = SIDES.map((side) => make("video.video", { playsinline: "", preload: "auto", "aria-label": `${side} clip` }));
  const stage = make("div.stage", {}, ...videos.map((video, index) =>
    make("figure.side", {}, video, make("figcaption.name", {}, SIDES[index]))));
  const count = make("span.count"), bar = make("progress.bar", { "aria-label": "Pairs judged" });
  const head = make("div.head", {}, count, bar), asks = make("p.question");
  const status = make("p.status", { "aria-live": "polite" }), again = make("button.again", {}, "Try again");
  const work = make("div.work", {}, asks, stage, row("votes", "Your vote", VOTES));
  const tools = row("tools", "Playing", TOOLS);
  const root = make("div.root", { tabindex: 0, role: "group", "aria-label": "Blind rating" }, head, work, tools, status, again);
  el.append(root);
  on(window, "keydown", (e) => root.contains(e.target) && e.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs(e)), { capture: true });

  const watch = stopwatch(() => performance.now()), still = matchMedia("(prefers-reduced-motion: reduce)");
  // or rating, saving, stuck, over, closed, gone
  let phase = "waiting", pair = { number: 0 }, shown = false, seen = [0, 0], last = 0;
  let playing = false, top = 0, sound = 0, heard = false, turn = 0, timer = 0, late = 0, urls = [];

  const say = (text) => { status.textContent = text; };
  const until = (video, ...events) => new Promise((done) => {
    for (const event of events) on(video, event, done, { once: true });
    setTimeout(done, WAIT_MS);
  });
  const send = (message) => {
    clearTimeout(late);
    late = setTimeout(say, PATIENCE_MS, "No answer yet: is the kernel busy? If it was started anew, run the cell again.");
    try { model.send(message); } catch { gone(); }
  };
  const mayUndo = () => phase === "rating" || phase === "over";
  const mayVote = () => phase === "rating" && shown && (!pair.watch || enough(seen, pair.seconds));

  const tick = () => {
    const [clock, other] = videos, at = clock.currentTime;
    if (clock.seeking || other.seeking) return;
    if (at >= pair.seconds - END || clock.ended || other.ended) {
      played(pair.seconds);
      return settle(0);
    }
    if (clock.paused) return settle(at);
    const fix = correction(at, other.currentTime, other.playbackRate !== 1);
    other.playbackRate = fix.rate;
    if (fix.seek !== null) other.currentTime = fix.seek;
    if (other.paused) other.play().catch(() => {});
    played(at);
  };
  /** What was played in sight since the last look. */
  const played = (at) => {
    const before = mayVote(), passed = at - last;
    if (passed > 0 && !document.hidden) seen = seen.map((each, index) => each + (top && top !== index + 1 ? 0 : passed));
    last = at;
    heard ||= sound > 0;
    stage.style.setProperty("--at", at / pair.seconds);
    if (!before && mayVote()) {
      say("You can vote.");
      draw();
    }
  };
  /** Set both to one time; once both are there, go on or rest. */
  const settle = async (at) => {
    const mine = ++turn;
    last = at;
    await Promise.all(videos.map((video) => {
      video.pause();
      video.playbackRate = 1;
      if (video.currentTime !== at) video.currentTime = at;
      return video.seeking && until(video, "seeked");
    }));
    if (mine !== turn || !playing) return;
    await Promise.all(videos.map((video) => video.play())).catch(() => mine === turn && go(false));
  };
  const go = (wanted) => {
    playing = wanted;
    clearInterval(timer);
    if (playing) timer = setInterval(tick, TICK_MS);
    draw();
    return settle(videos[0].currentTime || 0);
  };

  const leave = () => {
    turn += 1;
    clearInterval(timer);
    watch.reset();
    shown = heard = false;
    seen = [0, 0];
    last = top = 0;
    urls.forEach(URL.revokeObjectURL);
    urls = [];
    for (const video of videos) {
      video.removeAttribute("src");
      video.load();
    }
  };
  const load = async (buffers) => {
    leave();
    const mine = turn;
    if (sound) sound = 1;
    if (still.matches) playing = false;
    say(pair.problem);
    if (pair.problem) return;
    urls = buffers.map((buffer) => URL.createObjectURL(new Blob([buffer], { type: "video/mp4" })));
    videos.forEach((video, index) => { video.src = urls[index]; });
    await Promise.all(videos.map((video) => until(video, "canplay", "error")));
    if (mine !== turn) return;
    if (videos.some((video) => video.readyState < 2)) return say("This browser cannot play one of the clips. Skip this pair.");
    shown = true;
    if (!playing) say("Space plays both.");
    ask();
    go(playing);
  };
  /** From now on the question can be answered. */
  const ask = () => {
    watch.reset();
    if (shown && !document.hidden) watch.start();
    draw();
  };
  const rest = (why, words, { done, total } = pair) => {
    leave();
    phase = why;
    pair = { number: 0, done, total };
    if (root.contains(document.activeElement)) root.focus({ preventScroll: true });
    say(words);
    draw();
  };
  const gone = () => {
    clearTimeout(late);
    rest("gone", "The kernel is gone. Confirmed votes are saved: run the cell again to go on.");
  };
  const answers = {
    trial(message, buffers) {
      const { number, question } = pair;
      const other = message.number !== number;
      if (other && !buffers.length && !message.problem) return send({ kind: "ready" });
      pair = message;
      phase = "rating";
      say("");
      if (other) load(buffers);
      else if (message.question !== question) ask();
      draw();
    },
    over: (message) => rest(message.phase, message.words, message),
    failed({ reason }) {
      if (phase === "saving") phase = pair.number ? "rating" : "over";
      say(reason);
      draw();
    },
    stuck: ({ reason }) => rest("stuck", reason),
  };

  const submit = (words, message) => {
    phase = "saving";
    say(words);
    draw();
    send(message);
  };
  const vote = (choice) => {
    if (phase !== "rating") return;
    if (choice !== "skip" && !mayVote()) return say("Watch half of each clip first.");
    const { number, question } = pair;
    submit("Saving …", { kind: "vote", number, question, choice, seconds: watch.seconds(), sound: heard });
  };
  const put = (wanted) => {
    top = wanted;
    if (top && sound) sound = top;
    say(top ? `${SIDES[top - 1]} clip on top` : "Side by side");
    draw();
  };
  const acts = {
    play: () => shown && go(!playing),
    flip: () => shown && put(top === 1 ? 2 : 1),
    apart: () => top && put(0),
    sound() {
      sound = nextSound(sound, top);
      say(`Sound: ${HEARD[sound]}`);
      draw();
    },
    undo: () => mayUndo() && submit("Taking back …", { kind: "undo" }),
  };
  for (const choice of Object.keys(VOTES)) acts[choice] = () => vote(choice);

  const draw = () => {
    const open = phase === "rating", one = pair.number > 0, undo = mayUndo();
    const can = { play: shown, flip: shown, sound: true, apart: top > 0, skip: open, undo };
    // not disabled: what has the focus keeps it, and the keys
    for (const act in buttons) buttons[act].ariaDisabled = !(can[act] ?? mayVote());
    Object.assign(stage.dataset, { shown, top });
    stage.style.setProperty("--ratio", pair.ratio);
    work.hidden = !one;
    tools.hidden = !one && !undo;
    again.hidden = phase !== "stuck";
    head.hidden = !pair.total;
    // 1 of 10 at the start
    count.textContent = `${pair.done + one} of ${pair.total}`;
    Object.assign(bar, { max: pair.total || 1, value: pair.done || 0 });
    asks.textContent = pair.asks ?? "";
    buttons.play.lastChild.textContent = playing ? "Pause" : "Play";
    buttons.sound.lastChild.textContent = `Sound: ${HEARD[sound]}`;
    // to keep the pitch of what nobody hears costs time
    videos.forEach((video, index) => { video.muted = !(video.preservesPitch = sound === index + 1); });
  };

  on(again, "click", () => send({ kind: "ready" }));
  on(root, "keydown", (event) => {
    const { key, target } = event, named = key === " " ? "Space" : key.length > 1 ? key : key.toUpperCase();
    const act = Object.keys(ACTS).find((each) => ACTS[each][0] === named);
    // space presses the button with the focus
    if (theirs(event) || !act || (key === " " && target !== root)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) acts[act]();
  });
  on(document, "visibilitychange", () => { document.hidden || !shown ? watch.stop() : watch.start(); });
  const received = (message, buffers) => {
    clearTimeout(late);
    if (phase !== "gone") answers[message.kind]?.(message, buffers ?? []);
  };
  model.on("msg:custom", received);
  model.on("comm_live_update", gone);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", received);
    model.off("comm_live_update", gone);
    clearTimeout(late);
    leave();
  });
  say("Fetching the first pair …");
  draw();
  send({ kind: "ready" });
}

export default { render };
