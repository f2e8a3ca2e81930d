/**
 * What every widget's module needs: elements, listeners that end with the view, keys, words, and what is asked of
 * Python by number. Node imports this file as it is; front_end.py puts its text in front of each widget's module, so
 * that a notebook loads one module a widget and nothing from a network.
 *
 * @typedef {{
 *   get: (trait: string) => any, set: (trait: string, value: any) => void, save_changes: () => void,
 *   send: (content: object, callbacks?: undefined, buffers?: ArrayBuffer[]) => void,
 *   on: (events: string, listener: Function) => void, off: (events: string, listener: Function) => void,
 * }} Model anywidget's
 * @typedef {{model: Model, el: HTMLElement, signal: AbortSignal, host?: object}} Context what anywidget gives `render`
 */

// Longer than a kernel takes that is merely busy with something short.
const PATIENCE_MS = 6000;

// --- numbers and words ---------------------------------------------------------------------------------------

/** @param {number} value @param {number} low @param {number} high @returns {number} */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** @param {number} bytes @returns {string} as in "4.8 MB" */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

// --- elements ------------------------------------------------------------------------------------------------

/**
 * The function that makes the elements of one widget: `make("button.play", { title: "Play" }, "▶")` is a button
 * with the class `sw-player-play` and the test id `player-play`. An attribute that is undefined or false is left
 * out, one that is true is empty; children that are undefined, null, false or "" are left out.
 * @param {string} widget as in "player"
 * @param {string} testPrefix in front of test ids
 * @returns {(kind: string, attributes?: object, ...children: (Node | string | number)[]) => HTMLElement}
 */
export function elementMaker(widget, testPrefix = `${widget}-`) {
  return (kind, attributes = {}, ...children) => {
    const [tag, name] = kind.split(".");
    const element = document.createElement(tag);
    if (name) {
      element.className = `sw-${widget}-${name}`;
      element.dataset.testid = `${testPrefix}${name}`;
    }
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child || child === 0));
    return element;
  };
}

/** Sets a text only where it differs: a line that is read out is not read again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says something in a line that is read out too. @param {boolean} isTrouble gives it a red edge */
export function setStatus(line, text, isTrouble = false) {
  setText(line, text);
  line.classList.toggle("sw-trouble", Boolean(isTrouble));
}

/** The address of bytes from Python; whoever asks for it revokes it. @returns {string} */
export function blobUrl(buffers, type) {
  return URL.createObjectURL(new Blob(buffers, { type }));
}

/** Whether the person asked their system for less motion. */
export function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// --- views ---------------------------------------------------------------------------------------------------

/**
 * One view of a widget, as long as it is in the page. A widget's own class makes `this.root` in `build`, adds its
 * listeners in `listen`, draws for the first time in `start`, and lets go of what it holds in `end`.
 */
export class View {
  /** @param {Context} context */
  constructor({ model, signal, host }) {
    this.model = model;
    this.signal = signal;
    this.host = host;
  }

  /** @param {HTMLElement} el */
  mount(el) {
    this.build();
    el.append(this.root);
    keepKeys(() => this.root, this.signal);
    this.listen();
    this.signal.addEventListener("abort", () => this.end());
    this.start();
  }

  /** A trait. */
  get(name) {
    return this.model.get(name);
  }

  /** Listens until the view ends. @param {EventTarget} target @param {string} names one event or more, "keyup blur" */
  on(target, names, listener) {
    for (const name of names.split(" ")) target.addEventListener(name, listener, { signal: this.signal });
  }

  /** Listens to the model until the view ends. @param {Record<string, Function>} listeners by events, as for `on` */
  hear(listeners) {
    for (const [names, listener] of Object.entries(listeners)) {
      this.model.on(names, listener);
      this.signal.addEventListener("abort", () => this.model.off(names, listener));
    }
  }

  /** Calls back once for each element that it observes, when that comes into sight. @returns {IntersectionObserver} */
  observerOfSight(callback, options) {
    const observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        callback(target);
      }
    }, options);
    this.signal.addEventListener("abort", () => observer.disconnect());
    return observer;
  }
}

/** The default export of a widget's module. @param {typeof View} OwnView */
export function widgetOf(OwnView) {
  return {
    /** @param {Context} context */
    render: (context) => new OwnView(context).mount(context.el),
  };
}

/**
 * Waits for the first of some events, at most so many milliseconds; for ever where the view ends meanwhile.
 * @param {EventTarget} target @param {string[]} names @param {number} milliseconds @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function firstEvent(target, names, milliseconds, signal) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const stop = () => {
      clearTimeout(timer);
      waiting.abort();
    };
    const finish = () => {
      stop();
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    for (const name of names) target.addEventListener(name, finish, { signal: waiting.signal });
    signal.addEventListener("abort", stop, { signal: waiting.signal });
  });
}

// --- clips that play together ---------------------------------------------------------------------------------

// Seconds of drift: up to NEAR left alone, and mended until CLOSE.
export const NEAR = 0.04, CLOSE = 0.01;
const LEAST_NUDGE = 0.1;

/**
 * What brings a clip back to another one, the clock: a change of its rate, or a seek where it is far off.
 * @param {number} clock seconds @param {number} time seconds, of the follower
 * @param {object} how
 * @param {number} how.far seconds of drift from which on it seeks
 * @param {number} how.gain how much a second of drift changes the rate
 * @param {number} [how.most] the largest change @param {number} [how.pace] the rate of the clock
 * @param {boolean} [how.nudging] whether the follower's rate is changed already
 * @returns {{rate: number, seek: number | null}} seek: seconds
 */
export function mendDrift(clock, time, { far, gain, most = Infinity, pace = 1, nudging = false }) {
  const drift = time - clock;
  const distance = Math.abs(drift);
  if (distance > far) return { rate: pace, seek: clock };
  if (distance <= (nudging ? CLOSE : NEAR)) return { rate: pace, seek: null };
  const nudged = Math.max(0, pace - Math.sign(drift) * clamp(distance * gain, LEAST_NUDGE, most));
  // tenths: browsers refuse rates near 0
  return { rate: Math.round(nudged * 10) / 10, seek: null };
}

/**
 * Stops clips, sets them to one time, and waits until each is there.
 * @param {HTMLVideoElement[]} videos @param {number} time seconds; of a shorter clip, its end @param {number} rate
 * @param {number} milliseconds the longest wait @param {AbortSignal} signal
 */
export async function seekTogether(videos, time, rate, milliseconds, signal) {
  const seeks = videos.map((video) => {
    video.pause();
    video.playbackRate = rate;
    const wanted = clamp(time, 0, video.duration);
    if (video.currentTime !== wanted) video.currentTime = wanted;
    return video.seeking && firstEvent(video, ["seeked"], milliseconds, signal);
  });
  await Promise.all(seeks);
}

// --- keys ----------------------------------------------------------------------------------------------------

/** Whether a key is the notebook's in a widget too: Ctrl+S saves, Shift+Enter runs the cell. */
export function isNotebookShortcut(event) {
  const { ctrlKey, metaKey, altKey, shiftKey, key } = event;
  return ctrlKey || metaKey || altKey || (shiftKey && key === "Enter");
}

/**
 * Keeps single keys from the notebook, where two d delete the cell. JupyterLab and Notebook 7 heed the attribute of
 * what has the focus; on the window, since their own listener, on the document, comes next.
 * @param {() => Element | null | undefined} getRoot within which keys are kept
 */
export function keepKeys(getRoot, signal) {
  const mark = (event) => {
    if (!getRoot()?.contains(event.target)) return;
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !isNotebookShortcut(event));
  };
  window.addEventListener("keydown", mark, { capture: true, signal });
}

/** Ends an event here: neither the browser nor the notebook acts on it. */
export function consume(event) {
  event.preventDefault();
  event.stopPropagation();
}

// --- what Python answers -------------------------------------------------------------------------------------

/** Calls back where Python has been silent for so long while something is waited for. */
export class Patience {
  #whenLate;
  #milliseconds;
  #timer;

  /** @param {() => void} whenLate @param {number} milliseconds */
  constructor(whenLate, milliseconds = PATIENCE_MS) {
    this.#whenLate = whenLate;
    this.#milliseconds = milliseconds;
  }

  /** Something was asked; the time runs from the first question that has no answer. */
  start() {
    this.#timer ??= setTimeout(this.#whenLate, this.#milliseconds);
  }

  /** An answer came, or the view has ended. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * What lies ready in Python under a number: asked for by `{kind: "load", id}`, answered by `{kind: "loaded", id,
 * type}` with one buffer, or by `{kind: "failed", id, reason}`.
 */
export class Requests {
  #send;
  #patience;
  #waiting = new Map();

  /** @param {(content: object) => void} send @param {() => void} [whenLate] see `Patience` */
  constructor(send, whenLate = () => {}) {
    this.#send = send;
    this.#patience = new Patience(whenLate);
  }

  /** @param {number} id @returns {Promise<Blob>} rejected with the reason in Python's words */
  load(id) {
    const asked = this.#waiting.get(id);
    if (asked) return asked.promise;
    const request = {};
    request.promise = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    this.#waiting.set(id, request);
    this.#patience.start();
    this.#send({ kind: "load", id });
    return request.promise;
  }

  /** Take a message from Python, an answer or not. */
  receive({ kind, id, type, reason }, buffers) {
    const request = this.#waiting.get(id);
    if (!request || !["loaded", "failed"].includes(kind)) return;
    this.#waiting.delete(id);
    this.#patience.stop();
    if (this.#waiting.size) this.#patience.start();
    if (kind === "loaded") request.resolve(new Blob([buffers[0]], { type }));
    else request.reject(new Error(reason));
  }

  /** Wait no longer: what was asked for is not wanted any more. */
  abandon() {
    this.#patience.stop();
    for (const { reject } of this.#waiting.values()) reject(new Error(""));
    this.#waiting.clear();
  }
}
