// The switch between light and dark. Until it is used, the system decides.

import { remember } from "./storage.js";

const system = matchMedia("(prefers-color-scheme: dark)");

export function startTheme() {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const root = document.documentElement;
    const current = root.dataset.theme ?? (system.matches ? "dark" : "light");
    root.dataset.theme = current === "dark" ? "light" : "dark";
    remember("clearcut-theme", root.dataset.theme);
  });
}
