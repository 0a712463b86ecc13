// Buttons that copy the text beside them.

async function copyText(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent);
  // Plain HTTP on a private network has no clipboard interface: select and use the old command.
  const range = document.createRange();
  range.selectNodeContents(source);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  document.execCommand("copy");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copyText(button.closest("[data-copy-scope]").querySelector("[data-copy-source]"));
  const label = button.querySelector("span");
  const before = (button.dataset.label ??= label.textContent);
  label.textContent = button.dataset.copied;
  setTimeout(() => (label.textContent = before), 2000);
});
