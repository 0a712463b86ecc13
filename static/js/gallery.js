// The gallery: cards stay up to date; several can be chosen and deleted at once.

import { deleteItems, watchCards } from "./cards.js";

const list = document.querySelector("[data-cards]");
const bar = document.querySelector("[data-selection]");
let wake = null;

function boxes() {
  return [...list.querySelectorAll("li:not([hidden]) [data-pick]")];
}

function showSelection() {
  const count = boxes().filter((box) => box.checked).length;
  bar.hidden = count === 0;
  list.classList.toggle("is-picking", count > 0);
  const { textOne, textMany } = bar.dataset;
  const told = count === 1 ? textOne : textMany.replace("{n}", count);
  bar.querySelector("[data-selection-count]").textContent = told;
}

function setAll(checked) {
  for (const box of boxes()) box.checked = checked;
  showSelection();
}

/** With Shift, everything between the last click and this one follows it. */
function pickRange(list) {
  let last = null;
  list.addEventListener("click", (event) => {
    const box = event.target.closest("[data-pick]");
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.checked = box.checked;
      showSelection();
    }
    last = box;
  });
}

async function deleteChosen(event) {
  event.preventDefault();
  const form = event.target;
  const chosen = boxes().filter((box) => box.checked);
  try {
    await deleteItems(
      chosen.map((box) => box.closest("li")),
      form.action,
      new FormData(form),
      wake,
    );
    for (const box of chosen) box.checked = false;
    showSelection();
  } catch {
    form.submit();
  }
}

if (list) {
  wake = watchCards(list);
  list.addEventListener("change", showSelection);
  pickRange(list);
  bar.querySelector("[data-select-all]").addEventListener("click", () => setAll(true));
  bar.querySelector("[data-select-none]").addEventListener("click", () => setAll(false));
  document.querySelector("#selection-form").addEventListener("submit", deleteChosen);
  showSelection();
}
