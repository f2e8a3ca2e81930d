/** Invisible: keeps keys in the form that this lies in, and answers Python after what was typed. See keys.py. */

import { keepKeys } from "./shared.js";

function initialize({ model }) {
  // what was typed while the kernel was busy is on its way by then, and the answer comes behind it
  model.on("msg:custom", (question) => model.send(question));
  model.send({ kind: "here" });
}

/** @param {import("./shared.js").View} view */
function render({ el, signal }) {
  keepKeys(() => el.closest(".sw-form"), signal);
}

export default { initialize, render };
