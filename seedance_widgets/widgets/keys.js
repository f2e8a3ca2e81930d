// Marks whatever has the focus in the form around it, key by key, so that Ctrl+S and Shift+Enter stay the notebook's
// own. It listens on the window because the notebook's own listener, on the document, comes next.

function render({ el, signal }) {
  addEventListener("keydown", ({ target, key, shiftKey, ctrlKey, altKey, metaKey }) => {
    if (!el.closest(".sw-form")?.contains(target)) return;
    const theirs = ctrlKey || altKey || metaKey || (shiftKey && key === "Enter");
    target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
  }, { capture: true, signal });
}

export default { render };
