// One clip: poster first, bytes by custom message when somebody presses play, the browser's own controls
// after that. What is pure arithmetic is exported, for `node --test`; the rest is one `render`.

/**
 * @typedef {object} Clip  the trait `clip`, see player.py
 * @property {number} [id]  to ask for what plays, none while there is nothing
 * @property {number} [save_id]  to ask for what the link saves
 * @property {string} save_name
 * @property {string} name
 * @property {string} label
 * @property {number} bytes
 * @property {number} width  pixels
 * @property {number} height  pixels
 * @property {number} fps
 * @property {number} duration  seconds
 * @property {boolean} audio
 * @property {string} words
 * @property {boolean} failed
 * @property {string} facts
 * @property {string[]} notes
 * @property {{text: string, id?: number, length?: number}} [prompt]
 */

// longer than any kernel that is merely busy with something short
const PATIENCE_MS = 6000;

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * The time of the next or previous frame, just past its start: a player that rounds down must not show the
 * one before.
 * @param {number} time seconds @param {number} frames 1 or -1 @param {number} fps @param {number} duration seconds
 */
export function frameTime(time, frames, fps, duration) {
  const index = Math.floor(time * fps + 0.01) + frames;
  const last = Math.max(0, Math.round(duration * fps) - 1);
  const at = clamp(index, 0, last);
  return at === 0 ? 0 : at / fps + 0.001;
}

/** A file's size in words. @param {number} bytes */
export function formatBytes(bytes) {
  return bytes >= 1e5 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/**
 * What a key asks for; null where it is not ours.
 * @param {string} key @param {boolean} shift
 * @returns {{act: "toggle"|"mute"|"full"} | {act: "skip"|"frame", by: number} | null}
 */
export function keyAction(key, shift) {
  const second = shift ? 5 : 1;
  switch (key) {
    case " ": return { act: "toggle" };
    case "ArrowLeft": return { act: "skip", by: -second };
    case "ArrowRight": return { act: "skip", by: second };
    case ",": return { act: "frame", by: -1 };
    case ".": return { act: "frame", by: 1 };
    case "m": case "M": return { act: "mute" };
    case "f": case "F": return { act: "full" };
    default: return null;
  }
}

/** An element with a class, a test id and attributes. */
function make(tag, name, attributes = {}, ...children) {
  const node = document.createElement(tag);
  node.className = `sw-player-${name}`;
  node.dataset.testid = `player-${name}`;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Typed here, dd deletes no cell of the notebook; Ctrl+S and Shift+Enter are still its own. */
const keepKeys = (root, signal) => addEventListener("keydown", (e) => root.contains(e.target) && e.target.toggleAttribute(
  "data-lm-suppress-shortcuts", !(e.ctrlKey || e.metaKey || e.altKey || e.shiftKey && e.key === "Enter")), { capture: true, signal });

function render({ model, el, signal }) {
  const video = make("video", "video", { playsinline: "", preload: "auto", controlslist: "nodownload" });
  const start = make("button", "start", { type: "button" });
  const stage = make("div", "stage", {}, video, start);
  const sound = make("button", "sound", { type: "button" });
  const save = make("a", "save", { href: "#" });
  const facts = make("span", "facts");
  const again = make("button", "again", { type: "button" }, "Try again");
  const status = make("p", "status", { "aria-live": "polite" });
  const notes = make("ul", "notes");
  const prompt = make("div", "prompt", { dir: "auto" });
  const more = make("button", "more", { type: "button" });
  const root = make("div", "root", { tabindex: "0", role: "group" },
    stage, make("div", "bar", {}, sound, again, save, facts), status, notes, prompt, more);
  video.muted = video.defaultMuted = true;
  el.append(root);
  keepKeys(root, signal);

  /** @type {Clip} */
  let clip;
  /** @type {Map<number, (data: Blob | null, reason: string) => void>} */
  const waiting = new Map();
  /** @type {Map<number, Promise<string>>} Blob URLs by the number they were asked for */
  const urls = new Map();
  let timer = 0, retry = () => {}, sharp = "";

  const on = (target, event, does) => target.addEventListener(event, does, { signal });
  const say = (words, again_ = null) => {
    status.textContent = words;
    status.classList.toggle("sw-player-failed", !!again_ || clip.failed);
    again.hidden = !again_;
    retry = again_ ?? retry;
  };

  /** Ask Python for what lies under a number. @returns {Promise<Blob>} */
  const fetchItem = (id) => new Promise((resolve, reject) => {
    clearTimeout(timer);
    timer = setTimeout(() => say("No answer from the kernel yet. It may be busy; if the notebook was "
      + "reopened, run the cell again."), PATIENCE_MS);
    waiting.set(id, (data, reason) => {
      waiting.delete(id);
      if (!waiting.size) clearTimeout(timer);
      if (data) resolve(data); else reject(new Error(reason));
    });
    model.send({ kind: "load", id });
  });

  /** @returns {Promise<string>} a URL of the bytes, fetched once */
  const urlOf = (id, name, bytes) => {
    if (!urls.has(id)) {
      say(`Loading ${name}${bytes ? `, ${formatBytes(bytes)}` : ""} …`);
      const url = fetchItem(id).then((blob) => { say(""); return URL.createObjectURL(blob); });
      urls.set(id, url);
      url.catch(() => urls.delete(id));
    }
    return urls.get(id);
  };

  const load = async (play) => {
    const id = clip.id;
    if (!id) return;
    start.disabled = true;
    try {
      const url = await urlOf(id, clip.name, clip.bytes);
      if (id !== clip.id || video.src) return;
      video.src = url;
      video.controls = true;
      start.hidden = true;
      if (play) await video.play();
    } catch (error) {
      if (id !== clip.id || error.name === "AbortError") return;
      if (error.name === "NotAllowedError") say("The browser did not start the clip by itself: press play.");
      // what cannot be decoded is told of by the video's own error event
      else if (!video.error) say(`${clip.name} could not be loaded. ${error.message}`, () => load(true));
    } finally {
      start.disabled = false;
    }
  };

  const toggle = () => {
    if (!clip.id) return;
    if (!video.src) load(true);
    else if (video.paused) video.play().catch(() => {});
    else video.pause();
  };

  const drop = () => {
    clearTimeout(timer);
    for (const done of [...waiting.values()]) done(null, "");
    for (const url of urls.values()) url.then(URL.revokeObjectURL, () => {});
    urls.clear();
    URL.revokeObjectURL(sharp);
    sharp = "";
    video.removeAttribute("src");
    video.load();
  };

  const drawSound = () => {
    sound.hidden = !clip.audio;
    sound.textContent = video.muted ? "Turn sound on" : "Turn sound off";
  };

  const drawPrompt = (text) => {
    prompt.textContent = text ?? clip.prompt?.text ?? "";
    prompt.hidden = !prompt.textContent;
    prompt.classList.toggle("sw-player-long", text !== undefined);
    if (text === undefined) prompt.removeAttribute("tabindex"); else prompt.tabIndex = 0;
    more.hidden = text !== undefined || !clip.prompt?.id;
    more.textContent = `Show all ${clip.prompt?.length?.toLocaleString("en") ?? ""} characters`;
  };

  const draw = () => {
    const before = clip ?? {};
    clip = { ...model.get("clip") };
    if (before.id !== clip.id) {
      drop();
      // what is saved with the notebook is small and dim
      if (clip.id) model.send({ kind: "poster", id: clip.id });
      video.controls = false;
      save.href = "#";
    }
    stage.style.setProperty("--ratio", String(clip.width / clip.height || 1));
    const shown = clip.id && !video.src;
    start.hidden = !shown;
    start.textContent = `▶ Play (${formatBytes(clip.bytes ?? 0)})`;
    video.setAttribute("aria-label", `Clip ${clip.label}`);
    stage.hidden = clip.failed;
    stage.classList.toggle("sw-player-empty", !clip.id);
    root.setAttribute("aria-label", `Video player, ${clip.label}`);
    save.hidden = !clip.id;
    save.textContent = save.download = clip.save_name ?? "";
    facts.textContent = clip.facts ?? "";
    notes.replaceChildren(...(clip.notes ?? []).map((note) => {
      const item = document.createElement("li");
      item.textContent = note;
      return item;
    }));
    notes.hidden = !notes.childElementCount;
    if (before.prompt?.text !== clip.prompt?.text || !prompt.textContent) drawPrompt();
    if (before.id !== clip.id || before.words !== clip.words) say(clip.words ?? "");
    drawSound();
    if (model.get("preload") && clip.id && !video.src) load(false);
  };

  on(start, "click", () => load(true));
  on(again, "click", () => retry());
  on(sound, "click", () => { video.muted = !video.muted; });
  on(video, "volumechange", drawSound);
  on(video, "error", () => {
    if (!video.getAttribute("src")) return;
    say(`This browser cannot play ${clip.name} (${video.error?.message || "unknown format"}). `
      + "Save the file to play it elsewhere.", () => { drop(); load(true); });
  });
  const showAll = async () => {
    try {
      drawPrompt(await (await fetchItem(clip.prompt.id)).text());
      say("");
      prompt.focus();
    } catch (error) {
      say(error.message, showAll);
    }
  };
  const saveFile = async () => {
    try {
      save.href = await urlOf(clip.save_id, clip.save_name, 0);
      save.click();
    } catch (error) {
      say(`${clip.save_name} could not be loaded. ${error.message}`, saveFile);
    }
  };
  on(more, "click", showAll);
  on(save, "click", (event) => {
    if (save.getAttribute("href") !== "#") return;
    event.preventDefault();
    saveFile();
  });
  // a mouse on the picture brings our keys; with Tab the browser's own controls keep theirs
  on(video, "pointerup", () => root.focus({ preventScroll: true }));
  on(root, "keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : keyAction(event.key, event.shiftKey);
    const native = event.target !== root && event.key === " "
      || event.target === video && event.key.startsWith("Arrow");
    if (!action || native) return;
    event.preventDefault();
    event.stopPropagation();
    if (action.act === "toggle") toggle();
    else if (action.act === "mute") { if (clip.audio) video.muted = !video.muted; }
    else if (action.act === "full") {
      // the whole player: with the video alone on the screen, the browser takes the focus and the keys from us
      (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.())?.catch(() => {});
    } else if (video.readyState) {
      if (action.act === "frame") video.pause();
      video.currentTime = action.act === "frame"
        ? frameTime(video.currentTime, action.by, clip.fps, video.duration)
        : clamp(video.currentTime + action.by, 0, video.duration);
    }
  });

  const drawPoster = () => { video.poster = sharp || model.get("poster") || ""; };
  const heard = (content, buffers) => {
    if (content?.kind === "poster" && content.id === clip.id) {
      URL.revokeObjectURL(sharp);
      sharp = URL.createObjectURL(new Blob([buffers[0]], { type: content.type }));
      drawPoster();
    }
    const done = waiting.get(content?.id);
    if (!done) return;
    if (content.kind === "loaded") done(new Blob([buffers[0]], { type: content.type }), "");
    else if (content.kind === "failed") done(null, content.reason);
  };
  model.on("change:clip", draw);
  model.on("change:poster", drawPoster);
  model.on("msg:custom", heard);
  signal.addEventListener("abort", () => {
    model.off("change:clip", draw);
    model.off("change:poster", drawPoster);
    model.off("msg:custom", heard);
    drop();
  });
  draw();
  drawPoster();
}

export default { render };
