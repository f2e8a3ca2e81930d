/**
 * Two clips in step, and keys to judge them by. Messages: see rater.py.
 *
 * @typedef {{
 *   number: number, question: number, asks: string, done: number, total: number, seconds: number, ratio: number,
 *   watch: boolean, problem: string,
 * }} Pair the message `trial`; `number` from 1, and 0 between two pairs; `seconds`: the length that both clips have
 * @typedef {"waiting" | "rating" | "saving" | "stuck" | "over" | "closed" | "gone"} Phase
 */

import {
  Patience, View, blobUrl, consume, elementMaker, firstEvent, isNotebookShortcut, mendDrift, prefersStill,
  seekTogether, widgetOf,
} from "./shared.js";

// Of drift, see `mendDrift`; and the seconds before its end where a clip shows its last frame.
const FAR = 0.3, GAIN = 3, END = 0.03;
const TICK_MS = 40, WAIT_MS = 20000;

const SIDES = ["Left", "Right"];
const SOUNDS = ["off", "left", "right"];
// By what they do: a key, and the button's words.
const VOTES = {
  left: { key: "1", words: "Left" },
  tie: { key: "3", words: "Tie" },
  right: { key: "2", words: "Right" },
  skip: { key: "0", words: "Skip" },
};
const TOOLS = {
  play: { key: "Space", words: "Play" },
  flip: { key: "F", words: "Flip" },
  apart: { key: "Escape", words: "Side by side" },
  sound: { key: "M", words: "" },
  undo: { key: "U", words: "Undo" },
};
const ACTS = { ...VOTES, ...TOOLS };
const NO_ANSWER = "No answer yet: is the kernel busy? If it was started anew, run the cell again.";
const GONE = "The kernel is gone. Confirmed votes are saved: run the cell again to go on.";

/** What brings one clip back to the other, see `mendDrift`. @param {number} clock @param {number} follower seconds */
export function correction(clock, follower, nudging = false) {
  return mendDrift(clock, follower, { far: FAR, gain: GAIN, nudging });
}

/** Whether half of each was played. @param {number[]} seen seconds @param {number} length seconds */
export function enough(seen, length) {
  return seen.every((seconds) => seconds >= length / 2 - END);
}

/**
 * Off, left, right by turns; with a clip on top, off or that one.
 * @param {number} sound 0 off, 1 left, 2 right @param {number} top 0 none, 1 left, 2 right
 */
export function nextSound(sound, top) {
  if (top) return sound ? 0 : top;
  return (sound + 1) % 3;
}

/** Counts the seconds while it runs. @param {() => number} now milliseconds */
export function stopwatch(now) {
  let passed = 0;
  let since = null;
  const milliseconds = () => passed + (since === null ? 0 : now() - since);
  const stopAt = (time) => ([passed, since] = [time, null]);
  return {
    seconds: () => milliseconds() / 1000,
    start: () => (since ??= now()),
    stop: () => stopAt(milliseconds()),
    reset: () => stopAt(0),
  };
}

const make = elementMaker("rater");

class RaterView extends View {
  /** @type {Phase} */
  phase = "waiting";
  /** @type {Pair} */
  pair = { number: 0 };
  isShown = false;
  isPlaying = false;
  // which clip lies on top, and which is heard: 0 none, 1 left, 2 right
  top = 0;
  sound = 0;
  // whether there was sound since this pair came
  wasHeard = false;
  // seconds of each clip that were played in sight, and the time of the last look
  seen = [0, 0];
  lastTime = 0;
  // counts seeks and pairs, so that the last one decides
  turn = 0;
  timer = 0;
  addresses = [];
  // runs while there is something to answer in sight
  watch = stopwatch(() => performance.now());

  patience = new Patience(() => this.say(NO_ANSWER));
  // what the buttons but those of a vote do, and whether they do it now
  tools = {
    play: { may: () => this.isShown, run: () => this.go(!this.isPlaying) },
    flip: { may: () => this.isShown, run: () => this.putOnTop(this.top === 1 ? 2 : 1) },
    apart: { may: () => this.top > 0, run: () => this.putOnTop(0) },
    sound: { may: () => true, run: () => this.changeSound() },
    undo: { may: () => this.mayUndo, run: () => this.submit("Taking back …", { kind: "undo" }) },
  };
  buttons = {};
  words = {};

  build() {
    this.count = make("span.count");
    this.bar = make("progress.bar", { "aria-label": "Pairs judged" });
    this.head = make("div.head", {}, this.count, this.bar);
    this.question = make("p.question");
    const attributes = { playsinline: true, preload: "auto" };
    this.videos = SIDES.map((side) => make("video.video", { ...attributes, "aria-label": `${side} clip` }));
    const names = SIDES.map((side) => make("figcaption.name", {}, side));
    const figures = this.videos.map((video, index) => make("figure.side", {}, video, names[index]));
    this.stage = make("div.stage", {}, ...figures);
    const votes = this.buildButtons("votes", "Your vote", VOTES);
    this.work = make("div.work", {}, this.question, this.stage, votes);
    this.toolbar = this.buildButtons("tools", "Playing", TOOLS);
    this.status = make("p.status", { "aria-live": "polite" });
    this.again = make("button.again", {}, "Try again");
    const parts = [this.head, this.work, this.toolbar, this.status, this.again];
    this.root = make("div.root", { tabindex: 0, role: "group", "aria-label": "Blind rating" }, ...parts);
  }

  buildButtons(name, label, acts) {
    const buttons = Object.entries(acts).map(([act, { key, words }]) => {
      this.words[act] = make("span.words", {}, words);
      const shownKey = make("kbd.key", { "aria-hidden": "true" }, key);
      const button = make(`button.${act}`, { "aria-keyshortcuts": key }, shownKey, this.words[act]);
      this.on(button, "click", (event) => {
        // a button that was clicked must not keep the space bar
        if (event.detail) this.takeFocus();
        this.act(act);
      });
      this.buttons[act] = button;
      return button;
    });
    return make(`div.${name}`, { role: "group", "aria-label": label }, ...buttons);
  }

  listen() {
    this.on(this.again, "click", () => this.send({ kind: "ready" }));
    this.on(this.root, "keydown", (event) => this.press(event));
    this.on(document, "visibilitychange", () => {
      if (document.hidden || !this.isShown) this.watch.stop();
      else this.watch.start();
    });
    this.hear({
      "msg:custom": (message, buffers) => this.receive(message, buffers),
      comm_live_update: () => this.loseKernel(),
    });
  }

  start() {
    this.say("Fetching the first pair …");
    this.draw();
    this.send({ kind: "ready" });
  }

  end() {
    this.patience.stop();
    this.leavePair();
  }

  takeFocus() {
    this.root.focus({ preventScroll: true });
  }

  say(text) {
    this.status.textContent = text;
  }

  // --- messages ----------------------------------------------------------------------------------------------

  send(message) {
    this.patience.start();
    try {
      this.model.send(message);
    } catch {
      this.loseKernel();
    }
  }

  receive(message, buffers) {
    this.patience.stop();
    if (this.phase === "gone") return;
    if (message.kind === "trial") this.showTrial(message, buffers ?? []);
    else if (message.kind === "over") this.rest(message.phase, message.words, message);
    else if (message.kind === "failed") this.reportFailure(message.reason);
    else if (message.kind === "stuck") this.rest("stuck", message.reason);
  }

  /** @param {Pair} pair @param {DataView[]} buffers the clips; none where it is the pair that is shown already */
  showTrial(pair, buffers) {
    const before = this.pair;
    const isOther = pair.number !== before.number;
    if (isOther && !buffers.length && !pair.problem) return this.send({ kind: "ready" });
    this.pair = pair;
    this.phase = "rating";
    this.say("");
    if (isOther) this.load(buffers);
    else if (pair.question !== before.question) this.ask();
    this.draw();
  }

  reportFailure(reason) {
    if (this.phase === "saving") this.phase = this.pair.number ? "rating" : "over";
    this.say(reason);
    this.draw();
  }

  /** Nothing to judge now. @param {Phase} phase */
  rest(phase, words, { done, total } = this.pair) {
    this.leavePair();
    this.phase = phase;
    this.pair = { number: 0, done, total };
    if (this.root.contains(document.activeElement)) this.takeFocus();
    this.say(words);
    this.draw();
  }

  loseKernel() {
    this.patience.stop();
    this.rest("gone", GONE);
  }

  // --- the pair ----------------------------------------------------------------------------------------------

  async load(buffers) {
    this.leavePair();
    const { turn, pair } = this;
    if (this.sound) this.sound = 1;
    if (prefersStill()) this.isPlaying = false;
    this.say(pair.problem);
    if (pair.problem) return;
    this.addresses = buffers.map((buffer) => blobUrl([buffer], "video/mp4"));
    await Promise.all(this.videos.map((video, index) => {
      video.src = this.addresses[index];
      return firstEvent(video, ["canplay", "error"], WAIT_MS, this.signal);
    }));
    if (turn !== this.turn) return;
    const isPlayable = this.videos.every((video) => video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA);
    if (!isPlayable) return this.say("This browser cannot play one of the clips. Skip this pair.");
    this.isShown = true;
    if (!this.isPlaying) this.say("Space plays both.");
    this.ask();
    this.go(this.isPlaying);
  }

  leavePair() {
    this.turn += 1;
    clearInterval(this.timer);
    this.watch.reset();
    Object.assign(this, { isShown: false, wasHeard: false, seen: [0, 0], lastTime: 0, top: 0 });
    this.addresses.forEach(URL.revokeObjectURL);
    this.addresses = [];
    for (const video of this.videos) {
      video.removeAttribute("src");
      video.load();
    }
  }

  /** From now on the question can be answered. */
  ask() {
    this.watch.reset();
    if (this.isShown && !document.hidden) this.watch.start();
    this.draw();
  }

  // --- playing -----------------------------------------------------------------------------------------------

  /** Keep the right clip with the left one, and both within the length that both have. */
  tick() {
    const [clock, follower] = this.videos;
    const now = clock.currentTime;
    if (clock.seeking || follower.seeking) return;
    if (now >= this.pair.seconds - END || clock.ended || follower.ended) {
      this.countPlayed(this.pair.seconds);
      this.seek(0);
    } else if (clock.paused) {
      this.seek(now);
    } else {
      const mend = correction(now, follower.currentTime, follower.playbackRate !== 1);
      follower.playbackRate = mend.rate;
      if (mend.seek !== null) follower.currentTime = mend.seek;
      if (follower.paused) follower.play().catch(() => {});
      this.countPlayed(now);
    }
  }

  /** Count what was played in sight since the last look. @param {number} now seconds */
  countPlayed(now) {
    const couldVote = this.mayVote;
    const passed = now - this.lastTime;
    if (passed > 0 && !document.hidden) {
      const isInSight = (index) => !this.top || this.top === index + 1;
      this.seen = this.seen.map((seconds, index) => (isInSight(index) ? seconds + passed : seconds));
    }
    this.lastTime = now;
    if (this.sound) this.wasHeard = true;
    this.stage.style.setProperty("--at", now / this.pair.seconds);
    if (!couldVote && this.mayVote) {
      this.say("You can vote.");
      this.draw();
    }
  }

  /** Set both to one time; once both are there, go on or rest. @param {number} time seconds */
  async seek(time) {
    this.turn += 1;
    const { turn } = this;
    this.lastTime = time;
    await seekTogether(this.videos, time, 1, WAIT_MS, this.signal);
    if (turn !== this.turn || !this.isPlaying) return;
    try {
      await Promise.all(this.videos.map((video) => video.play()));
    } catch {
      if (turn === this.turn) this.go(false);
    }
  }

  /** @param {boolean} isPlaying from now on */
  go(isPlaying) {
    this.isPlaying = isPlaying;
    clearInterval(this.timer);
    if (isPlaying) this.timer = setInterval(() => this.tick(), TICK_MS);
    this.draw();
    this.seek(this.videos[0].currentTime || 0);
  }

  /** @param {number} top 0 for side by side */
  putOnTop(top) {
    this.top = top;
    if (top && this.sound) this.sound = top;
    this.say(top ? `${SIDES[top - 1]} clip on top` : "Side by side");
    this.draw();
  }

  changeSound() {
    this.sound = nextSound(this.sound, this.top);
    this.say(`Sound: ${SOUNDS[this.sound]}`);
    this.draw();
  }

  // --- voting ------------------------------------------------------------------------------------------------

  get mayUndo() {
    return this.phase === "rating" || this.phase === "over";
  }

  get mayVote() {
    const hasWatched = !this.pair.watch || enough(this.seen, this.pair.seconds);
    return this.phase === "rating" && this.isShown && hasWatched;
  }

  /** Whether a button or key does anything now. */
  may(act) {
    if (act === "skip") return this.phase === "rating";
    return act in VOTES ? this.mayVote : this.tools[act].may();
  }

  act(act) {
    if (act in VOTES) this.vote(act);
    else if (this.may(act)) this.tools[act].run();
  }

  vote(choice) {
    if (this.phase !== "rating") return;
    if (choice !== "skip" && !this.mayVote) return this.say("Watch half of each clip first.");
    const { number, question } = this.pair;
    const seconds = this.watch.seconds();
    this.submit("Saving …", { kind: "vote", number, question, choice, seconds, sound: this.wasHeard });
  }

  submit(words, message) {
    this.phase = "saving";
    this.say(words);
    this.draw();
    this.send(message);
  }

  press(event) {
    const name = event.key === " " ? "Space" : event.key.length > 1 ? event.key : event.key.toUpperCase();
    const act = Object.keys(ACTS).find((each) => ACTS[each].key === name);
    if (isNotebookShortcut(event) || !act) return;
    // space presses the button with the focus
    if (event.key === " " && event.target !== this.root) return;
    consume(event);
    if (!event.repeat) this.act(act);
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  drawButtons() {
    // not disabled: what has the focus keeps it, and the keys
    for (const [act, button] of Object.entries(this.buttons)) button.ariaDisabled = !this.may(act);
    this.words.play.textContent = this.isPlaying ? "Pause" : "Play";
    this.words.sound.textContent = `Sound: ${SOUNDS[this.sound]}`;
  }

  draw() {
    const { pair } = this;
    const hasPair = pair.number > 0;
    this.drawButtons();
    this.stage.dataset.shown = this.isShown;
    this.stage.dataset.top = this.top;
    this.stage.style.setProperty("--ratio", pair.ratio);
    this.work.hidden = !hasPair;
    this.toolbar.hidden = !hasPair && !this.mayUndo;
    this.again.hidden = this.phase !== "stuck";
    this.head.hidden = !pair.total;
    // 1 of 10 at the start
    this.count.textContent = `${pair.done + (hasPair ? 1 : 0)} of ${pair.total}`;
    this.bar.max = pair.total || 1;
    this.bar.value = pair.done || 0;
    this.question.textContent = pair.asks ?? "";
    this.videos.forEach((video, index) => {
      const isHeard = this.sound === index + 1;
      video.muted = !isHeard;
      // to keep the pitch of what nobody hears costs time
      video.preservesPitch = isHeard;
    });
  }
}

export default widgetOf(RaterView);
