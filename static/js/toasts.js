// Short notes at the edge of the page, some with a way back; and words for screen readers.

const STAY_MS = 9000;

const region = () => document.querySelector("[data-toasts]");

export function announce(text) {
  const live = region()?.querySelector("[data-announce]");
  if (live) live.textContent = text;
}

/** Show `text`; with `undo`, a button that calls it once. An error stays until it is dismissed. */
export function toast(text, { undo, isError = false } = {}) {
  const template = region()?.querySelector("[data-toast-template]");
  if (!template) return;
  const node = template.content.firstElementChild.cloneNode(true);
  node.querySelector("[data-toast-text]").textContent = text;
  if (undo) {
    const button = node.querySelector("[data-toast-undo]");
    button.hidden = false;
    button.addEventListener("click", () => {
      node.remove();
      undo();
    });
  }
  node.classList.toggle("is-error", isError);
  region().append(node);
  announce(text);
  if (!isError) leaveInTime(node);
}

export function startToasts() {
  for (const node of document.querySelectorAll("[data-toast]:not(.is-error)")) leaveInTime(node);
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest("[data-toast]").remove();
  });
}

/** Goes by itself, but not while somebody points at it or has the focus in it. */
function leaveInTime(node) {
  let timer = setTimeout(() => node.remove(), STAY_MS);
  const stay = () => clearTimeout(timer);
  const go = () => {
    clearTimeout(timer);
    timer = setTimeout(() => node.remove(), STAY_MS / 2);
  };
  node.addEventListener("pointerenter", stay);
  node.addEventListener("pointerleave", go);
  node.addEventListener("focusin", stay);
  node.addEventListener("focusout", go);
}
