// Before and after: the range input lies over the pictures and moves the line between them.

function show(input) {
  const { style } = input.closest("[data-compare]");
  style.setProperty("--split", `${input.value}%`);
  style.setProperty("--part", input.value / 100);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-compare] input[type=range]")) show(event.target);
});

// A step of the arrow keys would be a hundred-thousandth with step="any".
document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-compare] input[type=range]")) return;
  const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2 }[event.key];
  if (!step) return;
  event.preventDefault();
  const input = event.target;
  input.value = Math.min(100, Math.max(0, Number(input.value) + step));
  show(input);
});

/** Let the line of `compare` glide to `target` per cent. */
export function glide(compare, target) {
  const input = compare.querySelector("input[type=range]");
  const from = Number(input.value);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const length = still ? 0 : 350;
  const start = performance.now();
  const frame = (now) => {
    const part = length ? Math.min(1, (now - start) / length) : 1;
    input.value = from + (target - from) * (1 - (1 - part) ** 3);
    show(input);
    if (part < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

// Browsers keep the value of inputs over a reload.
for (const input of document.querySelectorAll("[data-compare] input[type=range]")) show(input);
