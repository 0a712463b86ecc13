// Requests to our own server, as the signed-in person.

export function csrfToken() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** Fetch JSON; null when the session has ended and a sign-in page came instead. */
export async function getJson(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  const isJson = response.headers.get("Content-Type")?.includes("json");
  if (response.redirected && !isJson) return null;
  if (!response.ok || !isJson) throw new Error(`unexpected answer ${response.status}`);
  return response.json();
}

/** The server understood, and says no: `message` is a sentence for people. */
export class Refusal extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

/** Raises Refusal where the server gives its reasons, else Error. */
export async function postForm(url, data) {
  if (!data.has("csrfmiddlewaretoken")) data.set("csrfmiddlewaretoken", csrfToken());
  const response = await fetch(url, {
    method: "POST",
    body: data,
    headers: { Accept: "application/json" },
  });
  if (response.ok) return response.json();
  const reasons = await response.json().catch(() => null);
  if (reasons?.message) throw new Refusal(reasons);
  throw new Error(`unexpected answer ${response.status}`);
}
