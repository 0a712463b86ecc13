// Asks again and again while there is something to wait for: often at first, then less; never
// while nobody looks; and through failures of the network.

const FIRST_MS = 400;
const LAST_MS = 2000;

/** `ask` resolves to "idle" (stop until woken), "same" or "changed". Returns a function that wakes. */
export function poll(ask) {
  let delay = FIRST_MS;
  let timer = null;
  let running = false;

  const schedule = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(run, delay);
  };

  const run = async () => {
    if (running) return;
    running = true;
    let outcome = "same";
    try {
      outcome = await ask();
    } catch {
      delay = LAST_MS;
    }
    running = false;
    if (outcome === "idle") return;
    delay = outcome === "changed" ? FIRST_MS : Math.min(LAST_MS, delay * 1.2);
    schedule();
  };

  const wake = () => {
    delay = FIRST_MS;
    schedule();
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) wake();
  });
  addEventListener("online", wake);
  wake();
  return wake;
}
