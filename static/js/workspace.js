// The workspace: every file becomes a card at once, is sent, and is watched until it is cut out.

import { watchCards } from "./cards.js";
import { receiveFiles } from "./drop.js";
import { announce } from "./toasts.js";
import { UploadQueue } from "./uploads.js";

const workspace = document.querySelector("[data-workspace]");
const list = workspace.querySelector("[data-cards]");
const template = workspace.querySelector("[data-card-template]");
const texts = {
  uploading: workspace.dataset.textUploading,
  received: workspace.dataset.textReceived,
  waiting: workspace.dataset.textWaiting,
  busy: workspace.dataset.textBusy,
  offline: workspace.dataset.textOffline,
  "signed-out": workspace.dataset.textSignedOut,
  too_large: workspace.dataset.textTooLarge,
  empty: workspace.dataset.textEmpty,
  not_an_image: workspace.dataset.textNotAnImage,
  failed: workspace.dataset.textFailed,
};
const endings = workspace.dataset.endings.split(" ");
const CAN_HELP_TO_RETRY = new Set(["offline", "failed", "error"]);

const queue = new UploadQueue(workspace.dataset.uploadUrl);
const wake = watchCards(list);

/** What can be told before sending. The server decides in the end. */
function refusal(file) {
  if (file.size === 0) return "empty";
  if (file.size > Number(workspace.dataset.maxBytes)) return "too_large";
  const isOther = file.type && !file.type.startsWith("image/");
  const name = file.name.toLowerCase();
  return isOther && !endings.some((ending) => name.endsWith(ending)) ? "not_an_image" : null;
}

function makeCard(file) {
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector(".card-name").textContent = file.name;
  item.querySelector(".card-name").title = file.name;
  if (file.type.startsWith("image/")) showLocally(item.querySelector(".card-picture"), file);
  const remove = item.querySelector("[data-upload-remove]");
  remove.addEventListener("click", () => item.remove());
  return item;
}

/** As far as this browser knows the format. */
function showLocally(frame, file) {
  const picture = document.createElement("img");
  picture.alt = "";
  picture.decoding = "async";
  picture.src = URL.createObjectURL(file);
  picture.addEventListener("error", () => {
    URL.revokeObjectURL(picture.src);
    picture.remove();
  });
  frame.prepend(picture);
}

function add(file) {
  const item = makeCard(file);
  list.prepend(item);
  const upload = { file, on: handlers(item, file) };
  item.querySelector("[data-upload-retry] button").addEventListener("click", () => {
    setState(item, "waiting", texts.waiting);
    queue.add(upload);
  });
  const wrong = refusal(file);
  if (wrong) {
    upload.on.failed({ code: wrong });
  } else {
    setState(item, "waiting", texts.waiting);
    queue.add(upload);
  }
}

function handlers(item, file) {
  const progress = item.querySelector("progress");
  return {
    progress(part) {
      setState(item, "uploading", `${texts.uploading} · ${Math.round(part * 100)} %`);
      progress.value = part;
    },
    sent() {
      progress.removeAttribute("value");
    },
    busy() {
      setState(item, "waiting", texts.busy);
    },
    done(image) {
      const card = item.querySelector("[data-card]");
      card.dataset.id = image.id;
      setState(item, "queued", texts.received);
      wake();
    },
    failed({ code, message }) {
      const told = message ?? texts[code] ?? texts.failed;
      setState(item, "failed", told);
      item.querySelector("[data-upload-retry]").hidden = !CAN_HELP_TO_RETRY.has(code);
      announce(`${file.name}: ${told}`);
    },
  };
}

function setState(item, status, text) {
  const failed = status === "failed";
  item.querySelector("[data-card]").dataset.status = status;
  item.querySelector("progress").hidden = status !== "uploading";
  item.querySelector("[data-upload-remove]").hidden = !failed;
  item.querySelector("[data-upload-retry]").hidden = true;
  const state = item.querySelector("[data-card-state]");
  state.textContent = text;
  state.classList.toggle("is-error", failed);
}

receiveFiles(workspace.querySelector("[data-drop]"), (files) => {
  workspace.querySelector("[data-recent]").hidden = false;
  workspace.querySelector("[data-steps]")?.remove();
  document.body.classList.add("has-cards");
  for (const file of files.reverse()) add(file);
});
document.body.classList.toggle("has-cards", list.childElementCount > 0);

addEventListener("beforeunload", (event) => {
  if (queue.isBusy) event.preventDefault();
});
