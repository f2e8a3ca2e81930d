function initialize({ model }) {
  // what was typed while the kernel was busy is on its way by then, and the answer comes behind it
  model.on("msg:custom", (asked) => model.send(asked));
  model.send({ kind: "here" });
}

// Marks what has the focus, key by key; on the window, as the notebook's listener, on the document, comes next.

function render({ el, signal }) {
  addEventListener("keydown", ({ target, key, shiftKey, ctrlKey, altKey, metaKey }) => {
    if (!el.closest(".sw-form")?.contains(target)) return;
    const theirs = ctrlKey || altKey || metaKey || (shiftKey && key === "Enter");
    target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
  }, { capture: true, signal });
}

export default { initialize, render };
