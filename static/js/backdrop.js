// Shows at once what is chosen: the background and format in the form, under the cutout.

import { glide } from "./compare.js";
import { recall, remember } from "./storage.js";

const LOSSY = new Set(["jpeg", "webp", "avif"]);
const GROUND = "clearcut-ground";

/** The colour that the file will have behind the subject, or null where it stays transparent. */
function chosenColour(form) {
  const background = form.elements.background.value;
  if (background === "custom") return form.elements.colour.value;
  if (background !== "transparent") return background;
  return form.elements.format.value === "jpeg" ? "#ffffff" : null;
}

function showGround(form, stage, grounds) {
  const colour = chosenColour(form);
  grounds.disabled = colour !== null;
  if (colour !== null) {
    stage.dataset.ground = "colour";
    stage.style.setProperty("--ground-colour", colour);
    return;
  }
  stage.style.removeProperty("--ground-colour");
  const ground = grounds.querySelector(":checked")?.value;
  if (ground) stage.dataset.ground = ground;
  else delete stage.dataset.ground;
}

function showFields(form) {
  const format = form.elements.format.value;
  form.querySelector("[data-quality-field]").hidden = !LOSSY.has(format);
  form.elements.quality.disabled = !LOSSY.has(format);
  form.elements.colour.disabled = false;
  form.querySelector("[data-quality-value]").value = form.elements.quality.value;
  const transparent = form.elements.background.value === "transparent";
  form.querySelector("[data-jpeg-note]").hidden = format !== "jpeg" || !transparent;
}

/** Set up the form and the stage below `root`, if the page shows a cutout. */
export function startBackdrop(root) {
  const form = root.querySelector("[data-export]");
  const stage = root.querySelector("[data-stage]");
  const grounds = root.querySelector("[data-grounds]");
  if (!form || !stage) return;

  // Somebody quick has chosen before this module was there, and no event will tell of it.
  const early = grounds.querySelector(":checked");
  const remembered = recall(GROUND);
  const radio = [...grounds.querySelectorAll("input")].find((one) => one.value === remembered);
  if (early) remember(GROUND, early.value);
  else if (radio) radio.checked = true;

  let untouched = true;
  form.addEventListener("input", (event) => {
    if (event.target.name === "colour") form.elements.background.value = "custom";
    if (untouched && ["background", "colour"].includes(event.target.name)) {
      untouched = false;
      glide(stage, 0);
    }
    showFields(form);
    showGround(form, stage, grounds);
  });
  grounds.addEventListener("change", (event) => {
    remember(GROUND, event.target.value);
    showGround(form, stage, grounds);
  });
  showFields(form);
  showGround(form, stage, grounds);
}
