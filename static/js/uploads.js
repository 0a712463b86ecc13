// Sends files one by one, a few at a time, and says how each is doing.

import { csrfToken } from "./request.js";

const AT_ONCE = 3;
const DEFAULT_WAIT_S = 5;

/** An upload is `{file, on: {progress(0..1), sent, busy, done(image), failed({message, code})}}`. */
export class UploadQueue {
  #url;
  #waiting = [];
  #active = 0;
  #notBefore = 0;

  constructor(url) {
    this.#url = url;
  }

  get isBusy() {
    return this.#active > 0 || this.#waiting.length > 0;
  }

  add(upload) {
    this.#waiting.push(upload);
    this.#next();
  }

  #next() {
    const pause = this.#notBefore - Date.now();
    if (pause > 0) {
      setTimeout(() => this.#next(), pause);
      return;
    }
    while (this.#active < AT_ONCE && this.#waiting.length) this.#send(this.#waiting.shift());
  }

  #send(upload) {
    this.#active += 1;
    const request = new XMLHttpRequest();
    request.open("POST", this.#url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) upload.on.progress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => upload.on.sent());
    request.addEventListener("load", () => this.#answered(upload, request));
    request.addEventListener("error", () => upload.on.failed({ code: "offline" }));
    request.addEventListener("loadend", () => {
      this.#active -= 1;
      this.#next();
    });
    const body = new FormData();
    body.append("file", upload.file, upload.file.name);
    upload.on.progress(0);
    request.send(body);
  }

  #answered(upload, request) {
    const answer = parse(request.responseText);
    if (request.status === 201) {
      upload.on.done(answer);
    } else if (request.status === 429 || request.status === 503) {
      const seconds = Number(request.getResponseHeader("Retry-After")) || DEFAULT_WAIT_S;
      this.#notBefore = Math.max(this.#notBefore, Date.now() + seconds * 1000);
      this.#waiting.unshift(upload);
      upload.on.busy();
    } else {
      const error = answer?.errors?.[0];
      const signedOut = request.status === 401 || request.status === 403;
      const tooLarge = request.status === 413; // a proxy in front of us may say so, in its own words
      const fallback = tooLarge ? "too_large" : "failed";
      const code = signedOut ? "signed-out" : (error?.code ?? fallback);
      upload.on.failed({ code, message: signedOut ? undefined : error?.detail });
    }
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
