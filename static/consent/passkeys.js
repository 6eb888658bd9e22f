// Passkeys of the consent host, and of no other site: the browser itself holds them to this page's name.

import { unwebsafe, websafe } from "./bytes.js";

/** Make a passkey, and return it with its public key (x and y) and the answer for the server. */
export async function make(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      rp: { ...options.rp, id: location.hostname },
      user: { ...options.user, id: unwebsafe(options.user.id) },
      challenge: unwebsafe(options.challenge),
      excludeCredentials: described((options.excludeCredentials ?? []).map((known) => known.id)),
    },
  });
  // SubjectPublicKeyInfo of a key on P-256: x and y are its last 64 bytes.
  const info = new Uint8Array(made.response.getPublicKey());
  return {
    id: made.id,
    publicKey: info.slice(-64),
    answer: answered(made, ["clientDataJSON", "attestationObject"]),
  };
}

/** Have one of these passkeys sign a digest, by somebody whom the device knows. */
export async function sign(digest, ids) {
  const used = await navigator.credentials.get({
    publicKey: {
      rpId: location.hostname,
      challenge: digest,
      allowCredentials: described(ids),
      userVerification: "required",
    },
  });
  return answered(used, ["clientDataJSON", "authenticatorData", "signature"]);
}

function described(ids) {
  return ids.map((id) => ({ type: "public-key", id: unwebsafe(id) }));
}

function answered(credential, parts) {
  return {
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    response: Object.fromEntries(parts.map((part) => [part, websafe(credential.response[part])])),
    clientExtensionResults: {},
  };
}
