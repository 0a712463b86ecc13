// Keeps the cards of a list up to date, and deletes and retries without leaving the page.

import { hideMissing } from "./pictures.js";
import { poll } from "./poll.js";
import { getJson, postForm, Refusal } from "./request.js";
import { announce, toast } from "./toasts.js";

const AT_ONCE = 50;

/** Watch the cards in `list`. Returns a function to call when cards were added or changed. */
export function watchCards(list) {
  const seen = new Map();
  const pending = () =>
    [...list.querySelectorAll("li:not([hidden]) [data-card][data-id]")]
      .filter((card) => ["queued", "running"].includes(card.dataset.status))
      .map((card) => card.dataset.id)
      .slice(0, AT_ONCE);

  const wake = poll(async () => {
    const ids = pending();
    if (!ids.length) return "idle";
    const query = new URLSearchParams(ids.map((id) => ["id", id]));
    const answer = await getJson(`${list.dataset.cardsUrl}?${query}`);
    if (!answer) return "idle";
    const changed = await Promise.all(answer.cards.map((fresh) => update(list, seen, fresh)));
    forgetMissing(list, ids, answer.cards);
    return changed.includes(true) ? "changed" : "same";
  });
  list.addEventListener("submit", (event) => act(event, wake));
  return wake;
}

async function update(list, seen, fresh) {
  if (seen.get(fresh.id) === fresh.html) return false;
  seen.set(fresh.id, fresh.html);
  const old = list.querySelector(`[data-card][data-id="${fresh.id}"]`);
  if (!old) return false;
  const parsed = new DOMParser().parseFromString(fresh.html, "text/html");
  const card = document.adoptNode(parsed.querySelector("[data-card]"));
  await keepPicture(old, card);
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(card);
  if (hadFocus) card.querySelector(".card-name")?.focus();
  if (fresh.status === "done" || fresh.status === "failed") tell(card);
  return true;
}

/** The picture that is there stays until there is a better one, and then dissolves into it. */
async function keepPicture(old, card) {
  const before = old.querySelector(".card-picture > img");
  const frame = card.querySelector(".card-picture");
  const after = frame.querySelector("img");
  if (!after) {
    if (before) frame.prepend(before);
    return;
  }
  after.loading = "eager";
  card.classList.add("is-fresh");
  const isThere = await after.decode().then(
    () => true,
    () => false,
  );
  if (isThere) {
    if (before) dissolve(before, frame);
    return;
  }
  if (before) frame.prepend(before);
  after.addEventListener("load", () => before && dissolve(before, frame), { once: true });
  hideMissing(after);
}

function dissolve(picture, frame) {
  picture.classList.add("card-ghost");
  picture.addEventListener("animationend", () => {
    if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
    picture.remove();
  });
  frame.append(picture);
}

function tell(card) {
  const name = card.querySelector(".card-name").textContent;
  announce(`${name}: ${card.querySelector("[data-card-state]").textContent}`);
}

/** Pictures deleted elsewhere are not asked for again; those deleted here may come back (undo). */
function forgetMissing(list, asked, found) {
  const there = new Set(found.map((card) => card.id));
  for (const id of asked.filter((one) => !there.has(one))) {
    list.querySelector(`li:not([hidden]):has(> [data-card][data-id="${id}"])`)?.remove();
  }
}

async function act(event, wake) {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const item = form.closest("li");
  const data = new FormData(form);
  try {
    if (form.dataset.act === "delete") await deleteItems([item], form.action, data, wake);
    if (form.dataset.act === "retry") await retry(item, form.action, data, wake);
  } catch (error) {
    if (error instanceof Refusal) toast(error.message, { isError: true });
    else form.submit(); // the page that the server answers with will say what is wrong
  }
}

async function retry(item, url, data, wake) {
  try {
    await postForm(url, data);
  } finally {
    // Refused means that the card is out of date: then this asks how it really is.
    const card = item.querySelector("[data-card]");
    card.dataset.status = "queued";
    wake();
  }
  item.querySelector(".card-retry")?.remove();
}

/** Delete the pictures of `items`, hide them, and offer a way back, after which to `wake`. */
export async function deleteItems(items, url, data, wake) {
  const answer = await postForm(url, data);
  const neighbour = items.at(-1).nextElementSibling ?? items[0].previousElementSibling;
  for (const item of items) item.hidden = true;
  neighbour?.querySelector(".card-name")?.focus();
  toast(answer.message, {
    undo: async () => {
      const back = new FormData();
      for (const id of answer.ids) back.append("id", id);
      const told = await postForm(answer.undo_url, back);
      for (const item of items) item.hidden = false;
      wake();
      announce(told.message);
    },
  });
}
