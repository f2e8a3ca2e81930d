/**
 * One clip: poster first, bytes by custom message when somebody presses play, the browser's own controls after that.
 *
 * @typedef {{
 *   id?: number, save_id?: number, save_name: string, name: string, label: string, bytes: number, width: number,
 *   height: number, fps: number, duration: number, audio: boolean, words: string, failed: boolean, facts: string,
 *   notes: string[], prompt?: {text: string, id?: number, length?: number},
 * }} Clip the trait `clip`, see player.py; sizes in pixels, duration in seconds; no `id` while there is nothing to play
 */

import {
  Requests, View, blobUrl, clamp, consume, elementMaker, isNotebookShortcut, megabytes, setStatus, widgetOf,
} from "./shared.js";

const NO_ANSWER = "No answer from the kernel yet. It may be busy; if the notebook was reopened, run the cell again.";
// Just past the start of a frame, for players that round down; and what a time may lack of the next frame.
const INTO_FRAME = 0.001;
const ALMOST_A_FRAME = 0.01;

/**
 * The time of the next or previous frame, just past its start: a player that rounds down must not show the one before.
 * @param {number} time seconds @param {number} frames 1 or -1 @param {number} fps @param {number} duration seconds
 * @returns {number} seconds
 */
export function frameTime(time, frames, fps, duration) {
  const index = Math.floor(time * fps + ALMOST_A_FRAME) + frames;
  const last = Math.max(0, Math.round(duration * fps) - 1);
  const wanted = clamp(index, 0, last);
  return wanted === 0 ? 0 : wanted / fps + INTO_FRAME;
}

/** A file's size in words. @param {number} bytes */
export function formatBytes(bytes) {
  return bytes >= 1e5 ? megabytes(bytes) : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/**
 * What a key asks for; null where it is not ours.
 * @param {string} key @param {boolean} shift
 * @returns {{act: "toggle" | "mute" | "full"} | {act: "skip" | "frame", by: number} | null}
 */
export function keyAction(key, shift) {
  const seconds = shift ? 5 : 1;
  const actions = {
    " ": { act: "toggle" },
    ArrowLeft: { act: "skip", by: -seconds },
    ArrowRight: { act: "skip", by: seconds },
    ",": { act: "frame", by: -1 },
    ".": { act: "frame", by: 1 },
    m: { act: "mute" },
    f: { act: "full" },
  };
  return actions[key.length > 1 ? key : key.toLowerCase()] ?? null;
}

const make = elementMaker("player");

class PlayerView extends View {
  /** @type {Clip} */
  clip = {};
  requests = new Requests((content) => this.model.send(content), () => this.say(NO_ANSWER));
  /** @type {Map<number, Promise<string>>} addresses of bytes, by the number they were asked for */
  addresses = new Map();
  sharpPoster = "";
  retry = () => {};

  build() {
    this.video = make("video.video", { playsinline: true, preload: "auto", controlslist: "nodownload" });
    this.video.muted = true;
    this.video.defaultMuted = true;
    this.play = make("button.start", { type: "button" });
    this.stage = make("div.stage", {}, this.video, this.play);
    this.sound = make("button.sound", { type: "button" });
    this.again = make("button.again", { type: "button" }, "Try again");
    this.save = make("a.save", { href: "#" });
    this.facts = make("span.facts");
    this.status = make("p.status", { "aria-live": "polite" });
    this.notes = make("ul.notes");
    this.prompt = make("div.prompt", { dir: "auto" });
    this.more = make("button.more", { type: "button" });
    const bar = make("div.bar", {}, this.sound, this.again, this.save, this.facts);
    const parts = [this.stage, bar, this.status, this.notes, this.prompt, this.more];
    this.root = make("div.root", { tabindex: 0, role: "group" }, ...parts);
  }

  listen() {
    this.on(this.play, "click", () => this.load({ andPlay: true }));
    this.on(this.again, "click", () => this.retry());
    this.on(this.sound, "click", () => this.toggleSound());
    this.on(this.more, "click", () => this.showWholePrompt());
    this.on(this.save, "click", (event) => this.clickSave(event));
    this.on(this.video, "volumechange", () => this.drawSound());
    this.on(this.video, "error", () => this.explainError());
    // a mouse on the picture brings our keys; with Tab the browser's own controls keep theirs
    this.on(this.video, "pointerup", () => this.root.focus({ preventScroll: true }));
    this.on(this.root, "keydown", (event) => this.press(event));
    this.hear({
      "change:clip": () => this.draw(),
      "change:poster": () => this.drawPoster(),
      "msg:custom": (content, buffers) => this.receive(content, buffers),
    });
  }

  start() {
    this.draw();
    this.drawPoster();
  }

  /** Let go of the clip's bytes, also of those on their way. */
  end() {
    this.requests.abandon();
    for (const address of this.addresses.values()) address.then(URL.revokeObjectURL, () => {});
    this.addresses.clear();
    URL.revokeObjectURL(this.sharpPoster);
    this.sharpPoster = "";
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** @param {string} text @param {() => void} [retry] what "Try again" does; without it there is no such button */
  say(text, retry) {
    setStatus(this.status, text, Boolean(retry) || this.clip.failed);
    this.again.hidden = !retry;
    this.retry = retry ?? this.retry;
  }

  receive(content, buffers) {
    this.requests.receive(content, buffers);
    if (content.kind !== "poster" || content.id !== this.clip.id) return;
    URL.revokeObjectURL(this.sharpPoster);
    this.sharpPoster = blobUrl(buffers, content.type);
    this.drawPoster();
  }

  /** The address of the bytes under a number, which are fetched once. @returns {Promise<string>} */
  fetch(id, name, bytes = 0) {
    if (!this.addresses.has(id)) {
      this.say(`Loading ${name}${bytes ? `, ${formatBytes(bytes)}` : ""} …`);
      const address = this.requests.load(id).then((blob) => {
        this.say("");
        return URL.createObjectURL(blob);
      });
      this.addresses.set(id, address);
      address.catch(() => this.addresses.delete(id));
    }
    return this.addresses.get(id);
  }

  /** Fetch the clip into the video. */
  async load({ andPlay }) {
    const { id, name, bytes } = this.clip;
    if (!id) return;
    this.play.disabled = true;
    try {
      const address = await this.fetch(id, name, bytes);
      if (id !== this.clip.id || this.video.src) return;
      this.video.src = address;
      this.video.controls = true;
      this.play.hidden = true;
      if (andPlay) await this.video.play();
    } catch (error) {
      if (id === this.clip.id) this.explainFailure(error);
    } finally {
      this.play.disabled = false;
    }
  }

  explainFailure(error) {
    if (error.name === "AbortError") return;
    if (error.name === "NotAllowedError") {
      this.say("The browser did not start the clip by itself: press play.");
    } else if (!this.video.error) {
      // what cannot be decoded is told of by the video's own error event
      this.say(`${this.clip.name} could not be loaded. ${error.message}`, () => this.load({ andPlay: true }));
    }
  }

  /** The video's own error. */
  explainError() {
    if (!this.video.getAttribute("src")) return;
    const reason = this.video.error?.message || "unknown format";
    this.say(`This browser cannot play ${this.clip.name} (${reason}). Save the file to play it elsewhere.`, () => {
      this.end();
      this.load({ andPlay: true });
    });
  }

  // --- what the buttons and keys do --------------------------------------------------------------------------

  togglePlay() {
    if (!this.clip.id) return;
    if (!this.video.src) this.load({ andPlay: true });
    else if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  toggleSound() {
    this.video.muted = !this.video.muted;
  }

  /** The whole player: with the video alone on the screen, the browser takes the focus and the keys from us. */
  toggleFullScreen() {
    const change = document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen?.();
    change?.catch(() => {});
  }

  step(frames) {
    this.video.pause();
    this.video.currentTime = frameTime(this.video.currentTime, frames, this.clip.fps, this.video.duration);
  }

  skip(seconds) {
    this.video.currentTime = clamp(this.video.currentTime + seconds, 0, this.video.duration);
  }

  press(event) {
    const action = isNotebookShortcut(event) ? null : keyAction(event.key, event.shiftKey);
    const isButtons = event.target !== this.root && event.key === " ";
    const isControls = event.target === this.video && event.key.startsWith("Arrow");
    if (!action || isButtons || isControls) return;
    consume(event);
    if (action.act === "toggle") this.togglePlay();
    else if (action.act === "mute" && this.clip.audio) this.toggleSound();
    else if (action.act === "full") this.toggleFullScreen();
    else if (action.act === "frame" && this.video.readyState) this.step(action.by);
    else if (action.act === "skip" && this.video.readyState) this.skip(action.by);
  }

  async showWholePrompt() {
    try {
      const blob = await this.requests.load(this.clip.prompt.id);
      this.drawPrompt(await blob.text());
      this.say("");
      this.prompt.focus();
    } catch (error) {
      this.say(error.message, () => this.showWholePrompt());
    }
  }

  clickSave(event) {
    if (this.save.getAttribute("href") !== "#") return;
    event.preventDefault();
    this.saveFile();
  }

  async saveFile() {
    const { save_id: id, save_name: name } = this.clip;
    try {
      this.save.href = await this.fetch(id, name);
      this.save.click();
    } catch (error) {
      this.say(`${name} could not be loaded. ${error.message}`, () => this.saveFile());
    }
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  draw() {
    const before = this.clip;
    this.clip = { ...this.get("clip") };
    const { clip, video } = this;
    if (before.id !== clip.id) this.changeFile();
    this.stage.style.setProperty("--ratio", String(clip.width / clip.height || 1));
    this.play.hidden = !clip.id || Boolean(video.src);
    this.play.textContent = `▶ Play (${formatBytes(clip.bytes ?? 0)})`;
    video.setAttribute("aria-label", `Clip ${clip.label}`);
    this.stage.hidden = clip.failed;
    this.stage.classList.toggle("sw-player-empty", !clip.id);
    this.root.setAttribute("aria-label", `Video player, ${clip.label}`);
    this.save.hidden = !clip.id;
    this.save.download = clip.save_name ?? "";
    this.save.textContent = clip.save_name ?? "";
    this.facts.textContent = clip.facts ?? "";
    this.notes.replaceChildren(...(clip.notes ?? []).map((note) => make("li", {}, note)));
    this.notes.hidden = !this.notes.childElementCount;
    if (before.prompt?.text !== clip.prompt?.text || !this.prompt.textContent) this.drawPrompt();
    if (before.id !== clip.id || before.words !== clip.words) this.say(clip.words ?? "");
    this.drawSound();
    if (this.get("preload") && clip.id && !video.src) this.load({ andPlay: false });
  }

  /** Another file than before is shown. */
  changeFile() {
    this.end();
    // what is saved with the notebook is small and dim
    if (this.clip.id) this.model.send({ kind: "poster", id: this.clip.id });
    this.video.controls = false;
    this.save.href = "#";
  }

  drawPoster() {
    this.video.poster = this.sharpPoster || this.get("poster") || "";
  }

  drawSound() {
    this.sound.hidden = !this.clip.audio;
    this.sound.textContent = this.video.muted ? "Turn sound on" : "Turn sound off";
  }

  /** @param {string} [wholeText] in place of the excerpt that is saved */
  drawPrompt(wholeText) {
    const isWhole = wholeText !== undefined;
    const { text = "", id, length } = this.clip.prompt ?? {};
    this.prompt.textContent = isWhole ? wholeText : text;
    this.prompt.hidden = !this.prompt.textContent;
    this.prompt.classList.toggle("sw-player-long", isWhole);
    if (isWhole) this.prompt.tabIndex = 0;
    else this.prompt.removeAttribute("tabindex");
    this.more.hidden = isWhole || !id;
    this.more.textContent = `Show all ${length?.toLocaleString("en") ?? ""} characters`;
  }
}

export default widgetOf(PlayerView);
