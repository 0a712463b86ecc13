// The page of one picture: it follows a cutout under way and shows it when it is there.

import { startBackdrop } from "./backdrop.js";
import { poll } from "./poll.js";
import { getJson } from "./request.js";
import { announce } from "./toasts.js";

let live = document.querySelector("[data-live]");

const isPending = (status) => status === "queued" || status === "running";

async function ask() {
  if (!isPending(live.dataset.status)) return "idle";
  const answer = await getJson(`${live.dataset.cardsUrl}?id=${live.dataset.id}`);
  const card = answer?.cards[0];
  if (!card) return "idle";
  if (!isPending(card.status)) {
    await renew();
    return "idle";
  }
  const parsed = new DOMParser().parseFromString(card.html, "text/html");
  const state = live.querySelector("[data-live-state]");
  const told = parsed.querySelector("[data-card-state]").textContent;
  if (state && state.textContent !== told) state.textContent = told;
  return "same";
}

/** Put the page's content of now in place of the old one. */
async function renew() {
  const response = await fetch(location.href);
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = parsed.querySelector("[data-live]");
  if (!fresh) return location.reload();
  document.adoptNode(fresh);
  live.replaceWith(fresh);
  live = fresh;
  startBackdrop(live);
  announce(live.dataset.status === "done" ? live.dataset.textDone : live.dataset.textFailed);
}

startBackdrop(live);
poll(ask);
