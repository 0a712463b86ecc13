// Cuts one picture out with Node 18 or newer and nothing else:
//
//   CLEARCUT_URL=http://localhost:8000 CLEARCUT_KEY=... node javascript.mjs dog.jpg dog.png
//   ... node javascript.mjs dog.jpg shop.jpg format=jpeg background=white
//
// `cutOut` is the part to take into a program of your own. In a browser the key would be in the hands
// of everybody who opens the page: let a server ask.

import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

export class ClearcutError extends Error {
  constructor(status, { code, detail, attr }) {
    super(`${detail} (${code})`);
    Object.assign(this, { status, code, attr });
  }
}

/** The picture without its background, as a Buffer. `rendition`: parameters as in docs/api.md. */
export async function cutOut({ url, key, name, content, rendition = {} }) {
  if (!/^https?:\/\//i.test(url)) {
    throw new Error(`"${url}" is no address of a server: those begin with http:// or https://.`);
  }
  const api = `${url.replace(/\/+$/, "")}/api/v1`;
  const ask = (path, options = {}) => request(`${api}${path}`, key, options);

  const form = new FormData();
  form.append("file", new Blob([content]), name);
  const headers = { Prefer: "wait=20", "Idempotency-Key": randomUUID() };
  const image = await (await ask("/images/", { method: "POST", body: form, headers })).json();

  const path = `/cutouts/${image.latest_cutout}/`;
  let cutout = await (await ask(path)).json();
  while (cutout.status === "queued" || cutout.status === "running") {
    await pause(500);
    cutout = await (await ask(path)).json();
  }
  if (cutout.status === "failed") {
    throw new ClearcutError(0, { code: cutout.error_code, detail: cutout.error_message });
  }
  const answer = await ask(`${path}rendition/?${new URLSearchParams(rendition)}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** Waits and asks again while the server is busy. */
async function request(url, key, { headers = {}, ...options }, tries = 5) {
  const answer = await fetch(url, {
    ...options,
    headers: { ...headers, Authorization: `Token ${key}` },
  });
  if (answer.ok) return answer;
  if ([429, 503].includes(answer.status) && tries > 1) {
    await answer.arrayBuffer();
    await pause(1000 * Number(answer.headers.get("Retry-After") ?? 2));
    return request(url, key, { headers, ...options }, tries - 1);
  }
  const unknown = { code: "unknown", detail: `The server answered ${answer.status}.` };
  const body = await answer.json().catch(() => ({}));
  throw new ClearcutError(answer.status, body.errors?.[0] ?? unknown);
}

/** What is wrong with the call of this program, if anything is. */
function misuse([source, target, ...parameters], { CLEARCUT_URL, CLEARCUT_KEY }) {
  if (!source || !target) return "usage: node javascript.mjs PICTURE TARGET [PARAMETER=VALUE ...]";
  if (!CLEARCUT_URL || !CLEARCUT_KEY) {
    return "CLEARCUT_URL and CLEARCUT_KEY in the environment say where and as whom.";
  }
  const odd = parameters.find((one) => !one.includes("="));
  return odd === undefined ? "" : `"${odd}" is no parameter: those look like format=jpeg.`;
}

async function main(words, environment) {
  const wrong = misuse(words, environment);
  if (wrong) {
    console.error(wrong);
    return 2;
  }
  const [source, target, ...parameters] = words;
  try {
    const content = await cutOut({
      url: environment.CLEARCUT_URL,
      key: environment.CLEARCUT_KEY,
      name: basename(source),
      content: await readFile(source),
      rendition: Object.fromEntries(parameters.map((one) => one.split(/=(.*)/s).slice(0, 2))),
    });
    await writeFile(target, content);
    return 0;
  } catch (error) {
    const cause = error.cause?.message ? ` (${error.cause.message})` : "";
    console.error(`${source}: ${error.message}${cause}`);
    return 1;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2), process.env);
}
