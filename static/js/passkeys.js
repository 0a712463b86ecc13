// Forms that ask the browser for a passkey, and send its answer along.
//
// data-passkey="create" or "get"; the options of the server come with the page (data-options names
// the element that holds them) or from an address (data-options-url).

import { toast } from "./toasts.js";

const FROM_BASE64URL = { "-": "+", _: "/" };
const TO_BASE64URL = { "+": "-", "/": "_", "=": "" };

function toBytes(text) {
  const plain = atob(text.replace(/[-_]/g, (sign) => FROM_BASE64URL[sign]));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/[+/=]/g, (sign) => TO_BASE64URL[sign]);
}

const withBytes = (keys) => keys?.map((key) => ({ ...key, id: toBytes(key.id) }));

async function optionsFor(form) {
  if (form.dataset.options) {
    return JSON.parse(document.getElementById(form.dataset.options).textContent);
  }
  const response = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`unexpected answer ${response.status}`);
  return (await response.json()).request_options;
}

/** One that signs in alone lives on the device, and asks who is there. */
function choose(selection, isAlone) {
  return {
    ...selection,
    residentKey: isAlone ? "required" : "discouraged",
    requireResidentKey: isAlone,
    userVerification: isAlone ? "required" : selection?.userVerification,
  };
}

function create({ publicKey }, isAlone) {
  return navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: withBytes(publicKey.excludeCredentials),
      authenticatorSelection: choose(publicKey.authenticatorSelection, isAlone),
    },
  });
}

function get({ publicKey }) {
  return navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      allowCredentials: withBytes(publicKey.allowCredentials),
    },
  });
}

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function asText(credential) {
  const parts = PARTS.filter((name) => credential.response[name]);
  const response = Object.fromEntries(
    parts.map((name) => [name, toText(credential.response[name])]),
  );
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

async function ask(form) {
  const options = await optionsFor(form);
  if (form.dataset.passkey === "get") return get(options);
  return create(options, form.elements.passwordless?.checked ?? false);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  try {
    form.elements.credential.value = asText(await ask(form));
    form.submit();
  } catch (error) {
    const isCancelled = error.name === "NotAllowedError";
    toast(isCancelled ? form.dataset.cancelled : form.dataset.failed, { isError: true });
  }
});
