// One act on the consent host: shows what is to be confirmed, computes from that very text what the passkey
// signs, and sends the passkey's answers. The server computes it again by itself and refuses what differs.

import { hexed, unhexed } from "./bytes.js";
import { granteeOf, scopeOf } from "./commitment.js";
import { read } from "./document.js";
import { digestOf, keccak, signerOf } from "./forms.js";
import { make, sign } from "./passkeys.js";
import { show } from "./show.js";

const form = document.getElementById("act");
const button = document.getElementById("confirm");
const problem = document.getElementById("problem");
const data = JSON.parse(document.getElementById("consent-data").textContent);
const answer = {};

/** What each act's passkeys do, one touch after the other. */
const STEPS = {
  grant: [byKnown(grant)],
  revoke: [byKnown(revocation)],
  enrol: [making, byNew(enrolment)],
  add: [making, byNew(addition), byKnown(addition)],
  remove: [byKnown(removal)],
  recover: [making, byNew(recovery)],
  veto: [byKnown(veto)],
};
const steps = STEPS[data.act];
let current = 0;
let made;

async function grant() {
  return grantOf(data.nonce, data.deadline);
}

/** Return the digest of the grant that this page shows, which is its name on the chain. */
async function grantOf(nonce, deadline) {
  const consent = read(data.document, data.header);
  return digestOf(
    "Grant",
    {
      patient: data.patient,
      grantee: await granteeOf(consent.grantee.address, data.granteeSalt),
      scope: await scopeOf(data.document, data.header, data.whole),
      expiry: consent.end.getTime() / 1000,
      nonce,
      deadline,
    },
    data,
  );
}

async function revocation() {
  const name = await grantOf(data.granted.nonce, data.granted.deadline);
  return digestOf("Revocation", { patient: data.patient, grant: name }, data);
}

async function enrolment() {
  return digestOf("Enrolment", { ...data, signers: [await newSigner()] }, data);
}

async function addition() {
  return digestOf("SignerAddition", { ...data, signer: await newSigner() }, data);
}

async function removal() {
  return digestOf("SignerRemoval", { ...data, signer: hexed(keccak(unhexed(data.signer))) }, data);
}

async function recovery() {
  return digestOf("Recovery", { ...data, signers: [await newSigner()] }, data);
}

async function veto() {
  return digestOf("Veto", data, data);
}

async function newSigner() {
  return hexed(keccak(await signerOf(made.publicKey, data.verifier)));
}

async function making() {
  made = await make(data.create);
  answer.credential = made.answer;
}

function byNew(digest) {
  return async () => {
    answer.by_new = await sign(await digest(), [made.id]);
  };
}

function byKnown(digest) {
  return async () => {
    answer.by_known = await sign(await digest(), data.keys);
  };
}

/** Send the answers, and say whether they were taken. */
async function send() {
  const name = form.elements.namedItem("name");
  if (name) answer.name = name.value;
  const response = await fetch(form.dataset.address, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": form.elements.namedItem("csrfmiddlewaretoken").value,
    },
    body: JSON.stringify(answer),
    redirect: "error",
  });
  const said = await response.json();
  if (response.ok) location.assign(new URL(said.next, location.href));
  else complain(said.words, said.cause);
  return response.ok;
}

/** Say what went wrong. Nothing has changed, so the person may try again. */
function complain(words, cause) {
  problem.querySelector("[data-words]").textContent = words;
  problem.dataset.cause = cause;
  problem.hidden = false;
  problem.focus();
}

/** The browser's own words name things that mean nothing to a patient. */
function wordsFor(error) {
  if (error.name === "InvalidStateError") return form.dataset.known;
  return error instanceof DOMException ? form.dataset.notConfirmed : form.dataset.failed;
}

/** Offer the step that comes now. */
function offer() {
  const parts = [...document.querySelectorAll("[data-step]")];
  for (const [number, part] of parts.entries()) {
    if (number === current) part.setAttribute("aria-current", "step");
    else part.removeAttribute("aria-current");
  }
  button.textContent = parts[current]?.dataset.step ?? button.textContent;
  button.disabled = false;
}

async function go() {
  button.disabled = true;
  problem.hidden = true;
  try {
    await steps[current]();
    current += 1;
    if (current === steps.length) {
      if (await send()) return;
      current = 0;
    }
  } catch (error) {
    complain(wordsFor(error), error.name);
  }
  offer();
}

function begin() {
  document.getElementById("needs-script").hidden = true;
  if (!globalThis.PublicKeyCredential) return complain(form.dataset.unsupported, "Unsupported");
  try {
    if (data.document) show(read(data.document, data.header), form.dataset);
  } catch (error) {
    return complain(form.dataset.unreadable, error.name);
  }
  button.addEventListener("click", go);
  return offer();
}

begin();
