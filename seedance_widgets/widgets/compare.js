/**
 * Two to nine clips in step: the longest is the clock, the others follow it. The trait `clips`: see compare.py.
 *
 * @typedef {{
 *   id?: number, name: string, label: string, bytes: number, width: number, height: number, duration: number,
 *   audio: boolean, poster: string, words: string, notes: string[],
 *   captions: {name: string, text: string, id?: number}[],
 * }} Clip sizes in pixels, duration in seconds; no `id` while there is nothing to play
 * @typedef {{currentTime: number, duration: number, seeking?: boolean}} Follower seconds; as a video has them
 */

import {
  CLOSE, NEAR, Requests, View, clamp, consume, elementMaker, firstEvent, isNotebookShortcut, megabytes, mendDrift,
  seekTogether, widgetOf,
} from "./shared.js";

// Seconds of drift, see `mendDrift`. For who is LATE or on its way the clock waits, which works at once, however slow
// seeks are. While it waits the others may catch up faster.
const LATE = 0.12, FAR = 0.5, GAIN = 8, CATCH_UP = 2;
// Pixels: how narrow a column may be, and the gap between two in compare.css.
const LEAST_WIDTH = 150, GAP = 10;
const TICK_MS = 40, WAIT_MS = 10000;
const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const FRAME_SECONDS = 1 / 24;
const NO_ANSWER = "No answer yet. Is the kernel busy? If not, run the cell again.";

/**
 * Whether the clock waits for a follower; one that seeks tells where it will be.
 * @param {number} master seconds @param {Follower} follower @param {boolean} held whether the clock waits already
 */
export function waits(master, { currentTime, duration, seeking }, held) {
  if (master >= duration) return false;
  return seeking ? currentTime <= master : master - currentTime > (held ? NEAR : LATE);
}

/**
 * What brings a follower back to the clock.
 * @param {number} master seconds @param {Follower} follower
 * @param {{rate?: number, held?: boolean, nudging?: boolean}} state `held`: the clock waits; `nudging`: see `mendDrift`
 * @returns {{rate: number, seek: number | null}} seek: seconds
 */
export function correction(master, { currentTime, duration }, { rate = 1, held, nudging } = {}) {
  const pace = held ? 0 : rate;
  if (master >= duration) return { rate: pace, seek: duration - currentTime > NEAR ? duration : null };
  // in slow motion it would wait too long for the clock
  const far = currentTime < master ? FAR : FAR * Math.min(1, rate);
  const most = held ? CATCH_UP : Math.max(1, rate);
  return mendDrift(master, currentTime, { pace, far, most, gain: GAIN, nudging });
}

/** The first of the longest; -1 of none. @param {number[]} durations seconds */
export function clockOf(durations) {
  return durations.findIndex((duration) => duration >= Math.max(...durations) - NEAR);
}

/** @param {number} seconds @returns {string} as "0:02.4" */
export function formatTime(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6) / 10;
  return `${Math.floor(tenths / 60)}:${(tenths % 60).toFixed(1).padStart(4, "0")}`;
}

/**
 * Columns for so many clips, each of at least LEAST_WIDTH pixels.
 * @param {number} count @param {number} width pixels of the grid @param {number} ratio of the clips
 */
export function columns(count, width, ratio = 16 / 9) {
  const best = ratio < 1 ? 4 : count === 4 ? 2 : 3;
  return clamp(Math.floor((width + GAP) / (LEAST_WIDTH + GAP)), 1, Math.min(count, best));
}

const make = elementMaker("compare");

/** One clip of the grid with its words and buttons. */
class Cell {
  isReady = false;
  error = "";
  address = "";
  /** The `id` of what was asked for last. */
  requested = undefined;
  /** @type {Clip} */
  clip = {};

  /** @param {number} number from 1 */
  constructor(number) {
    this.video = make("video.video", { playsinline: true, preload: "auto" });
    this.view = make("button.view", { "aria-label": `Enlarge clip ${number}` }, this.video);
    this.name = make("span.name");
    this.sound = make("button.sound", { "aria-label": `Sound of clip ${number}` }, "Sound");
    this.again = make("button.again", {}, "Try again");
    this.words = make("p.words");
    this.facts = make("dl.facts");
    const head = make("div.head", {}, make("b.number", {}, number), this.name, this.sound, this.again);
    this.figure = make("figure.cell", {}, this.view, head, this.words, this.facts);
  }



  /** Let go of the clip's bytes and show its poster. */
  drop() {
    URL.revokeObjectURL(this.address);
    this.address = "";
    this.isReady = false;
    this.error = "";
    this.video.poster = this.clip.poster ?? "";
    this.video.removeAttribute("src");
    this.video.load();
  }

  draw({ isEnlarged, isSounding }) {
    const { clip, video } = this;
    video.style.setProperty("--ratio", clip.width / clip.height);
    this.name.textContent = clip.label;
    this.sound.hidden = !clip.audio;
    this.again.hidden = !this.error;
    this.words.textContent = [this.error || clip.words, ...clip.notes].join(" ");
    this.words.classList.toggle("sw-trouble", Boolean(this.error));
    this.view.ariaPressed = isEnlarged;
    this.sound.ariaPressed = isSounding;
    video.muted = !isSounding;
    // to keep the pitch of what nobody hears costs 25 ms a change of rate
    video.preservesPitch = isSounding;
  }
}

class CompareView extends View {
  requests = new Requests((content) => this.model.send(content), () => this.say(NO_ANSWER));
  isPlaying = false;
  // whether the clock waits for a clip
  isHeld = false;
  // whether somebody wanted to play: from then on new clips are fetched as they come
  isWanted = false;
  rate = 1;
  // places of the clip that is heard and of the one that is large; -1 for none
  sounding = -1;
  enlarged = -1;
  // counts the seeks of all, so that the last one decides
  turn = 0;
  timer = 0;
  build() {
    this.play = make("button.play");
    this.grid = make("div.grid");
    this.time = make("span.time");
    this.slider = make("input.seek", { type: "range", step: FRAME_SECONDS, "aria-label": "Position" });
    const speeds = RATES.map((rate) => new Option(`${rate}x`, rate, false, rate === 1));
    this.speed = make("select.rate", {}, ...speeds);
    this.loop = make("input.loop", { type: "checkbox" });
    this.loop.checked = this.get("loop");
    this.status = make("p.status", { "aria-live": "polite" });
    const speedLabel = make("label.label", {}, "Speed ", this.speed);
    const loopLabel = make("label.label", {}, this.loop, " Loop");
    const bar = make("div.bar", {}, this.play, this.slider, this.time, speedLabel, loopLabel);
    const attributes = { tabindex: 0, role: "group", "aria-label": "Clips side by side" };
    this.root = make("div.root", attributes, this.grid, bar, this.status);
    this.cells = this.get("clips").map((_, index) => this.buildCell(index));
  }

  buildCell(index) {
    const cell = new Cell(index + 1);
    this.grid.append(cell.figure);
    // at once: by the next look the others have run away
    this.on(cell.video, "seeking seeked", () => this.tick());
    this.on(cell.view, "click", () => this.enlarge(index));
    this.on(cell.sound, "click", () => this.chooseSound(index));
    this.on(cell.again, "click", () => {
      cell.drop();
      this.load(cell);
    });
    return cell;
  }

  listen() {
    this.on(this.play, "click", () => this.togglePlay());
    this.on(this.slider, "input", () => this.seek(Number(this.slider.value) + CLOSE));
    this.on(this.speed, "change", () => (this.rate = Number(this.speed.value)));
    this.on(this.root, "keydown", (event) => this.press(event));
    this.hear({
      "change:clips": () => this.draw(),
      "msg:custom": (content, buffers) => this.requests.receive(content, buffers),
    });
  }

  start() {
    this.draw();
    this.go(false);
    this.columnsObserver = new ResizeObserver(() => this.fitColumns());
    this.columnsObserver.observe(this.grid);
  }

  end() {
    this.columnsObserver.disconnect();
    this.go(false);
    this.requests.abandon();
    for (const cell of this.cells) cell.drop();
  }

  say(text) {
    this.status.textContent = text;
  }

  // --- time --------------------------------------------------------------------------------------------------

  /** The videos that can play now. */
  get videos() {
    return this.cells.filter(({ isReady, video }) => isReady && !video.error).map(({ video }) => video);
  }

  /** The video that the others follow; undefined while none can play. */
  get clock() {
    const { videos } = this;
    return videos[clockOf(videos.map(({ duration }) => duration))];
  }

  /** Seconds. */
  get now() {
    return this.clock?.currentTime ?? 0;
  }

  /** Seconds. */
  get length() {
    return this.clock?.duration ?? Math.max(...this.cells.map(({ clip }) => clip.duration));
  }

  startVideo(video) {
    if (this.now < video.duration - NEAR) video.play().catch(() => {});
  }

  /** Keep the followers with the clock. */
  tick() {
    const { clock } = this;
    if (!this.isPlaying || !clock) return;
    if (clock.ended) return this.loop.checked ? this.seek(0) : this.go(false);
    if (clock.paused) return;
    const now = clock.currentTime;
    const followers = this.videos.filter((video) => video !== clock);
    this.isHeld = clock.seeking || followers.some((video) => waits(now, video, this.isHeld));
    clock.playbackRate = this.isHeld ? 0 : this.rate;
    for (const video of followers) this.follow(video, clock, now);
    this.drawTime();
  }

  follow(video, clock, now) {
    if (video.seeking) return;
    const nudging = video.playbackRate !== clock.playbackRate;
    const mend = correction(now, video, { rate: this.rate, held: this.isHeld, nudging });
    video.playbackRate = mend.rate;
    if (mend.seek !== null) video.currentTime = mend.seek;
    if (video.paused) this.startVideo(video);
  }

  /** Set all to one time; once all are there, go on or rest. @param {number} time seconds */
  async seek(time) {
    this.turn += 1;
    const { turn } = this;
    this.isHeld = false;
    await seekTogether(this.videos, time, this.rate, WAIT_MS, this.signal);
    this.drawTime();
    if (turn !== this.turn || !this.isPlaying) return;
    for (const video of this.videos) this.startVideo(video);
  }

  /** @param {boolean} isPlaying from now on */
  go(isPlaying) {
    this.isPlaying = isPlaying;
    clearInterval(this.timer);
    if (isPlaying) this.timer = setInterval(() => this.tick(), TICK_MS);
    this.play.textContent = isPlaying ? "Pause" : "▶ Play";
    this.drawTime();
  }

  async togglePlay() {
    if (!this.isPlaying) await this.loadAll();
    if (!this.clock) return;
    this.go(!this.isPlaying);
    const isOver = this.isPlaying && this.now >= this.length - NEAR;
    this.seek(isOver ? 0 : this.now);
  }

  // --- clips -------------------------------------------------------------------------------------------------

  /** Fetch a cell's clip; what fails is told of in the cell. @param {Cell} cell */
  async load(cell) {
    const { clip, video } = cell;
    cell.requested = clip.id;
    try {
      const blob = await this.requests.load(clip.id);
      if (cell.clip.id !== clip.id) return;
      cell.address = URL.createObjectURL(blob);
      video.src = cell.address;
      await firstEvent(video, ["canplay", "error"], WAIT_MS, this.signal);
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) throw new Error("This browser cannot play it.");
      cell.isReady = true;
    } catch (error) {
      if (this.signal.aborted) return;
      cell.drop();
      cell.error = `${clip.name} could not be loaded. ${error.message}`;
    }
    this.draw();
    this.seek(this.now);
  }

  async loadAll() {
    this.isWanted = true;
    this.play.disabled = true;
    const wanted = this.cells.filter(({ clip, requested }) => clip.id && requested !== clip.id);
    const size = megabytes(wanted.reduce((sum, { clip }) => sum + clip.bytes, 0));
    let loaded = 0;
    const report = () => this.say(`Loading ${size}: ${loaded} of ${wanted.length} clips …`);
    report();
    await Promise.all(wanted.map(async (cell) => {
      await this.load(cell);
      loaded += 1;
      report();
    }));
    this.play.disabled = false;
    const lost = this.cells.length - this.videos.length;
    this.say(lost ? `${lost} of ${this.cells.length} clips cannot play now.` : "");
  }

  // --- what the buttons and keys do --------------------------------------------------------------------------

  chooseSound(index) {
    const hasSound = this.cells[index]?.clip.audio;
    if (hasSound) this.sounding = this.sounding === index ? -1 : index;
    const words = this.sounding === index ? `Sound of clip ${index + 1}` : "Sound off";
    this.say(hasSound ? words : `Clip ${index + 1} has no sound.`);
    this.draw();
  }

  /** Make a clip large, or small again. */
  enlarge(index) {
    this.enlarged = this.enlarged === index ? -1 : index;
    this.draw();
  }

  press(event) {
    const { key, target } = event;
    const way = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const isTheirs = target === this.speed || (way && target === this.slider);
    if (isNotebookShortcut(event) || isTheirs) return;
    if (key === " " && [this.root, this.slider].includes(target)) this.play.click();
    else if (way) this.seek(this.now + way * (event.shiftKey ? 5 : 1));
    else if (Number(key) > 0) this.chooseSound(Number(key) - 1);
    else if (key === "Escape") this.enlarge(this.enlarged);
    else return;
    consume(event);
  }

  async showWholeText(value, id) {
    try {
      const blob = await this.requests.load(id);
      value.textContent = await blob.text();
      value.tabIndex = 0;
      value.focus();
    } catch (error) {
      this.say(error.message);
    }
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  drawTime() {
    Object.assign(this.slider, { max: this.length, value: this.now, disabled: !this.clock });
    const words = `${formatTime(this.now)} / ${formatTime(this.length)}`;
    this.time.textContent = words;
    this.slider.ariaValueText = words;
  }

  /** A term and its value. */
  buildCaption({ name, text, id }) {
    const value = make("dd.value", { dir: "auto" }, text);
    if (id) {
      const more = make("button.more", {}, "Show all");
      this.on(more, "click", () => this.showWholeText(value, id));
      value.append(" ", more);
    }
    return [make("dt.term", {}, name), value];
  }

  draw() {
    this.cells.forEach((cell, index) => {
      const clip = this.get("clips")[index];
      const isOther = clip.id !== cell.clip.id;
      if (clip !== cell.clip) {
        cell.facts.replaceChildren(...clip.captions.flatMap((caption) => this.buildCaption(caption)));
      }
      cell.clip = clip;
      if (isOther) cell.drop();
      cell.draw({ isEnlarged: index === this.enlarged, isSounding: index === this.sounding });
      if (isOther && this.isWanted && clip.id) this.load(cell);
    });
    this.drawTime();
  }

  /** As many columns as there is room for. */
  fitColumns() {
    const { clip } = this.cells[0];
    const count = columns(this.cells.length, this.grid.clientWidth, clip.width / clip.height);
    this.grid.style.setProperty("--columns", count);
  }
}

export default widgetOf(CompareView);
