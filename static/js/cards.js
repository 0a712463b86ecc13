// Keeps the cards of a list up to date, and deletes and retries without leaving the page.

import { poll } from "./poll.js";
import { getJson, postForm } from "./request.js";
import { announce, toast } from "./toasts.js";

const AT_ONCE = 50;

/** Watch the cards in `list`. Returns a function to call when cards were added or changed. */
export function watchCards(list) {
  const seen = new Map();
  const pending = () =>
    [...list.querySelectorAll("[data-card][data-id]")]
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
    if (before) {
      frame.replaceChildren(before);
      frame.classList.replace("card-placeholder", "ground");
    }
    return;
  }
  after.loading = "eager";
  card.classList.add("is-fresh");
  await after.decode().catch(() => {});
  if (!before) return;
  before.classList.add("card-ghost");
  before.addEventListener("animationend", () => {
    if (before.src.startsWith("blob:")) URL.revokeObjectURL(before.src);
    before.remove();
  });
  frame.append(before);
}

function tell(card) {
  const name = card.querySelector(".card-name").textContent;
  announce(`${name}: ${card.querySelector("[data-card-state]").textContent}`);
}

/** Pictures deleted elsewhere are not asked for again. */
function forgetMissing(list, asked, found) {
  const there = new Set(found.map((card) => card.id));
  for (const id of asked.filter((one) => !there.has(one))) {
    list.querySelector(`[data-card][data-id="${id}"]`)?.closest("li").remove();
  }
}

async function act(event, wake) {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const item = form.closest("li");
  const data = new FormData(form);
  try {
    if (form.dataset.act === "delete") await deleteItems([item], form.action, data);
    if (form.dataset.act === "retry") await retry(item, form.action, data, wake);
  } catch {
    form.submit(); // the page that the server answers with will say what is wrong
  }
}

async function retry(item, url, data, wake) {
  await postForm(url, data);
  const card = item.querySelector("[data-card]");
  card.dataset.status = "queued";
  card.querySelector(".card-retry")?.remove();
  wake();
}

/** Delete the pictures of `items`, hide them, and offer a way back. */
export async function deleteItems(items, url, data) {
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
      announce(told.message);
    },
  });
}
