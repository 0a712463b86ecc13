// Where files come from: dropped anywhere on the page, pasted, chosen, or taken with a camera.

/** Call `receive(files)` for every batch of files, whichever way they come. */
export function receiveFiles(form, receive) {
  const input = form.querySelector("[data-files]");
  const camera = form.querySelector("[data-camera-file]");
  for (const [button, picker] of [["[data-browse]", input], ["[data-camera]", camera]]) {
    form.querySelector(button).addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      receive([...picker.files]);
      picker.value = "";
    });
  }
  receiveDrops(receive);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    receive(files);
  });
}

function receiveDrops(receive) {
  const body = document.body;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave also come for every element inside

  const settle = (value) => {
    depth = Math.max(0, value);
    body.classList.toggle("is-dragging", depth > 0);
  };

  addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) settle(depth + 1);
  });
  addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) settle(depth - 1);
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    settle(0);
    receive([...event.dataTransfer.files]);
  });
}
