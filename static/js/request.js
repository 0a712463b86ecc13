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

export async function postForm(url, data) {
  if (!data.has("csrfmiddlewaretoken")) data.set("csrfmiddlewaretoken", csrfToken());
  const response = await fetch(url, {
    method: "POST",
    body: data,
    headers: { Accept: "application/json" },
  });
  if (!response.ok) throw new Error(`unexpected answer ${response.status}`);
  return response.json();
}
