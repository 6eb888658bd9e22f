// Verifies an ehrportal proof, or the evidence of a signed consent, in the browser, with no part of ehrportal but
// this file and no server but a node. Of a consent it says without a node what was signed.
//
//   import { verify } from "./verify.js";
//   const verdict = await verify(fileText, { rpcUrl, contract, consentRegistry, fetch });
//   // { ok, cause, sentence, details: [{ label, value }] }, as verify.py --json prints it
//
// Imported by a page, it binds itself to these elements, if the page has the first one:
//
//   #verify          holds the others. data-rpc-url: address of a node; data-contract: the RecordLog that the
//                    page vouches for; data-consent-registry: the ConsentRegistry. Without them those that
//                    the file names are believed, and it says so.
//   #verify-drop     where a file may be dropped; it gets the class "is-over" while one is held over it
//   input[type=file] one, wherever it is in here
//   #verify-result   a region with aria-live="polite", where the verdict is put. Its data-state is "checking",
//                    "proven", "refused" or "unknown"; inside come <h2 class="nhsuk-heading-l"> (-m if it
//                    is long) with the sentence and <dl class="nhsuk-summary-list"> with the details.
//   #verify-rpc      (optional) <input> for another node than the page's
//   #verify-contract, #verify-consent-registry (optional) <input> for other contracts than the page's
//
// The steps, their order and their words are those of verify.py, and a test holds them together.

const PROOF_FORMAT = "ehrportal-proof/1";
const CONSENT_FORMAT = "ehrportal-consent/1";

// Bounds on what is read at all: files come from strangers, and so do a node's answers.
const MAX_FILE = 160 * 1024 * 1024;
const MAX_ANSWER = 16 * 1024 * 1024;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
const MAX_SHOWN = 200;
const MAX_DOCUMENT_SHOWN = 2_000;
const MAX_CONSENT = 1024 * 1024;
const MAX_SAID = 10;
const TIMEOUT = 20_000;

// First four bytes of the Keccak-256 of each signature.
const REGISTRY = "7b103999"; // registry()
const ROOT_AT = "ab485c16"; // rootAt(uint256,uint64)
const INSTITUTION = "2eb78bf6"; // institution(uint256)
const TERM_OF = "e06a875b"; // termOf(bytes32,bytes32)
const IS_ACTIVE = "c8622953"; // isActive(bytes32,bytes32)
const PATIENT_OF = "e2823ad3"; // patientOf(bytes32)
const IS_SIGNER = "689ac79a"; // isSigner(bytes32,bytes32)
// Keccak-256 of HeadExtended(uint256,uint64,bytes32).
const HEAD_EXTENDED = "0x391edface9dd686cedd6504f223fdb05d825facd3df1ffa8c8b2b26e12e830a8";
// Keccak-256 of Granted(bytes32,bytes32,bytes32,bytes32,bytes32,uint64).
const GRANTED = "0xb1e166344cd0b95565ec0368253ebfebfd0d52514c6eead4d4b6d59f115232cf";

// Published builds of RecordLog and ConsentRegistry: SHA-256 of the code on the chain, with zeros in the
// places that the deployment filled in, such as the registry's address.
const KNOWN_LOGS = {
  "cfc71750c48098dca387c1b701f8d8d7bf7c2bf7922d2015f948d3fd63200aa3": [181, 396],
};
const KNOWN_CONSENTS = {
  "619ccc60efd4dc92c4725bc7b3065632bed0abd029af7baa2b711991a698876c": [
    1037, 2381, 6280, 8403, 8451, 9437, 9479, 9521, 9602, 9642,
  ],
};

const ACTIVE = 1n;
const SUSPENDED = 2n;

// What keeps us from finding out, rather than being wrong with the proof.
const COULD_NOT_RUN = new Set(["unreadable", "no_node", "unreachable", "bad_answer", "no_crypto"]);

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const encoder = new TextEncoder();

/** What the file says does not hold, or cannot be checked: `cause` for programs, `sentence` for people. */
class Refused extends Error {
  constructor(cause, sentence, details = []) {
    super(sentence);
    this.cause = cause;
    this.sentence = sentence;
    this.details = details;
  }
}

/** The contract refused a question, so it is not the one it should be. */
class Reverted extends Error {}

/**
 * Return the verdict on a proof, or on the evidence of a consent.
 *
 * @param {string} fileText the file's text
 * @param {object} options
 * @param {string} [options.rpcUrl] a node of the chain that the file names, without which a proof cannot be
 *     checked, and a consent only in part
 * @param {string} [options.contract] the RecordLog that the reader trusts; without it, the file's is believed
 * @param {string} [options.consentRegistry] the ConsentRegistry that the reader trusts, likewise
 * @param {typeof fetch} [options.fetch] what asks the node
 */
export async function verify(
  fileText,
  { rpcUrl, contract, consentRegistry, fetch = globalThis.fetch.bind(globalThis) },
) {
  const node = (rpcUrl ?? null) === null ? null : () => nodeAt(rpcUrl, fetch);
  try {
    if (!globalThis.crypto?.subtle) {
      throw new Refused("no_crypto", "This page cannot check files, as it was not opened over a secure connection.");
    }
    const file = read(fileText);
    const [sentence, details] =
      file.format === PROOF_FORMAT
        ? await verifyProof(file, node, contract || null)
        : await verifyConsent(file, node, consentRegistry || null);
    return verdict(null, sentence, details);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return verdict(error.cause, error.sentence, error.details);
  }
}

async function verifyProof(proof, node, trusted) {
  await checkElements(proof);
  await checkHeader(proof);
  await checkLeaf(proof);
  if (node === null) {
    throw new Refused(
      "no_node",
      "This file fits together, but only the chain can tell whether it proves anything: name one of " +
        "its nodes with --rpc.",
    );
  }
  const found = await askChain(proof, node(), trusted);
  return [sentenceOn(proof, found), await detailsOn(proof, found, trusted)];
}

async function verifyConsent(consent, node, trusted) {
  await checkDocument(consent);
  await checkGrantee(consent);
  const digest = digestOf(consent.form);
  const how = await checkSignature(unhexed(consent.signer), digest, unhexed(consent.signature));
  // Only what was committed to as a consent is one, whatever a document looks like.
  const terms = consent.header.topic === "consent" ? termsOf(consent.elements[0].text) : null;
  checkTerms(terms, consent);
  const said = whatWasSigned(consent, how, terms);
  const details = await detailsOnConsent(consent, how, terms, digest);
  if (node === null) return onPaperOnly(said, details);
  const found = await askConsents(consent, digest, node(), trusted, said, details);
  return onChain(said, details, consent, found, trusted);
}

function verdict(cause, sentence, details) {
  return {
    ok: cause === null,
    cause,
    sentence,
    details: details.map(([label, value]) => ({ label: printable(label), value: printable(value) })),
  };
}

// 1. Reading the file

/** Return the proof or the consent in a file, every field in it being what it must be. */
function read(text) {
  const nothing = "This is neither a proof nor the evidence of a consent: ";
  if (text.length > MAX_FILE) throw new Refused("not_a_proof", `${nothing}it is too large.`);
  let file;
  try {
    file = JSON.parse(text);
    refuseWhatOthersReadOtherwise(text);
  } catch {
    throw new Refused("not_a_proof", `${nothing}it cannot be read as one.`);
  }
  if (!isObject(file) || typeof file.format !== "string") {
    throw new Refused("not_a_proof", `${nothing}it does not say that it is one.`);
  }
  if (!/^ehrportal-(proof|consent)\//.test(file.format)) {
    throw new Refused("not_a_proof", `${nothing}it says that it is something else.`);
  }
  if (!Object.hasOwn(FILES, file.format)) {
    throw new Refused(
      "unsupported_version",
      "This file is written in a newer format than this verifier knows. Use a newer verifier.",
    );
  }
  FILES[file.format](file, "");
  return file;
}

/**
 * Throw if JSON that JSON.parse has taken holds a key twice, or a number with a point or an exponent.
 *
 * Walks over the characters itself: a regular expression would run out of memory over a long document.
 */
function refuseWhatOthersReadOtherwise(text, { isPointAllowed = false } = {}) {
  const keys = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === "{") keys.push(new Set());
    else if (character === "[") keys.push(null);
    else if (character === "}" || character === "]") keys.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      let next = end;
      while (" \t\n\r".includes(text[next] ?? "x")) next += 1;
      if (text[next] === ":") {
        const key = JSON.parse(text.slice(at, end));
        const seen = keys[keys.length - 1];
        if (seen.has(key)) throw new SyntaxError("a key stands twice");
        seen.add(key);
      }
      at = end;
      continue;
    } else if ((character >= "0" && character <= "9") || character === "-") {
      const start = at;
      while ("0123456789+-.eE".includes(text[at] ?? "x")) at += 1;
      if (!isPointAllowed && /[.eE]/.test(text.slice(start, at))) {
        throw new SyntaxError("no number of such a file is written so");
      }
      continue;
    }
    at += 1;
  }
}

function endOfString(text, start) {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

// What a field must be: a function that is given the value and where it stands.

function damaged(where) {
  return new Refused("damaged_file", `This file is damaged: its field ${where} is not what it must be.`);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(rules) {
  return (value, where) => {
    if (!isObject(value)) throw damaged(where);
    const inside = (name) => (where ? `${where}.${name}` : name);
    // A field that we do not know could change what the others mean.
    for (const name of Object.keys(value).sort()) {
      if (!Object.hasOwn(rules, name)) throw damaged(inside(name));
    }
    for (const [name, inner] of Object.entries(rules)) {
      inner(Object.hasOwn(value, name) ? value[name] : undefined, inside(name));
    }
  };
}

function items(inner, least, most) {
  return (value, where) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) throw damaged(where);
    value.forEach((item, number) => inner(item, `${where}[${number}]`));
  };
}

function number(least, most) {
  return (value, where) => {
    if (!Number.isSafeInteger(value) || value < least || value > most) throw damaged(where);
  };
}

function text(least, most) {
  return (value, where) => {
    // Half a character would be hashed as another one.
    if (typeof value !== "string" || /\p{Cs}/u.test(value)) throw damaged(where);
    const length = encoder.encode(value).length;
    if (length < least || length > most) throw damaged(where);
  };
}

function matching(pattern) {
  return (value, where) => {
    if (typeof value !== "string" || !pattern.test(value)) throw damaged(where);
  };
}

function orNull(inner) {
  return (value, where) => {
    if (value !== null) inner(value, where);
  };
}

const HASH = matching(/^0x[0-9a-f]{64}$/);
const NAME = text(1, 255);
const ADDRESS = matching(/^0x[0-9a-fA-F]{40}$/);
const HEADER = fields({
  topic: NAME,
  resourceType: NAME,
  id: NAME,
  version: number(1, MAX_NUMBER),
  author: NAME,
  previous: orNull(HASH),
});
const COMMITMENT = fields({ value: HASH, root: HASH, count: number(1, 2 ** 20) });

function elementOf(pointer, content) {
  return fields({ pointer, text: content, salt: HASH, index: number(0, 2 ** 20), path: items(HASH, 0, 20) });
}

const FILES = {
  [PROOF_FORMAT]: fields({
    format: text(1, 255),
    header: HEADER,
    commitment: COMMITMENT,
    elements: items(elementOf(text(0, 4096), text(1, 64 * 1024 * 1024)), 1, 10_000),
    leaf: fields({ index: number(0, MAX_NUMBER), path: items(HASH, 0, 64) }),
    head: fields({ size: number(1, MAX_NUMBER), root: HASH }),
    anchor: fields({
      chainId: number(1, MAX_NUMBER),
      contract: ADDRESS,
      institution: number(1, MAX_NUMBER),
      transaction: HASH,
    }),
  }),
  [CONSENT_FORMAT]: fields({
    format: text(1, 255),
    header: HEADER,
    commitment: COMMITMENT,
    // The consent as a whole, and nothing else of it.
    elements: items(elementOf(text(0, 0), text(1, MAX_CONSENT)), 1, 1),
    grantee: fields({ text: text(1, 1024), salt: HASH }),
    form: fields({
      chainId: number(1, MAX_NUMBER),
      verifyingContract: ADDRESS,
      patient: HASH,
      grantee: HASH,
      scope: HASH,
      expiry: number(1, MAX_NUMBER),
      nonce: HASH,
      deadline: number(1, MAX_NUMBER),
    }),
    // A wallet's address; or a verifier's address, a key, the hash of an rpId and an origin.
    signer: matching(/^0x[0-9a-f]{40}(([0-9a-f]{2}){97,351})?$/),
    signature: matching(/^0x([0-9a-f]{2}){1,4096}$/),
    transaction: orNull(HASH),
  }),
};

// 2. What can be computed from a proof alone

/** Each element shown must stand under the root of the record's elements (docs/formats/commitment.md). */
async function checkElements(proof) {
  for (const element of proof.elements) {
    if (!(await standsUnder(element, proof.commitment))) {
      throw new Refused(
        "damaged_element",
        `This proof is damaged or forged: ${shownPointer(element.pointer)} does not match what was recorded.`,
      );
    }
  }
}

async function standsUnder(element, commitment) {
  const pointer = encoder.encode(element.pointer);
  const content = encoder.encode(element.text);
  const leaf = await hashed(
    [0x00, 0x01],
    unhexed(element.salt),
    big(pointer.length, 2),
    pointer,
    big(content.length, 4),
    content,
  );
  const root = await rootOver(leaf, element.index, commitment.count, element.path);
  return root !== null && hexed(root) === commitment.root;
}

/** The record's name, version and author must be those of the commitment (docs/formats/commitment.md). */
async function checkHeader({ header, commitment }) {
  if ((await commitmentOver(header, commitment)) !== commitment.value) {
    throw new Refused(
      "damaged_header",
      "This proof is damaged or forged: which record, version or author it is about was altered.",
    );
  }
}

async function commitmentOver(header, commitment) {
  const value = await hashed(
    [0x01],
    behindLength("ehrportal/commitment"),
    behindLength(header.topic),
    behindLength(header.resourceType),
    behindLength(header.id),
    big(header.version, 8),
    behindLength(header.author),
    header.previous === null ? [0x00] : [0x01, ...unhexed(header.previous)],
    big(commitment.count, 4),
    unhexed(commitment.root),
  );
  return hexed(value);
}

/** The commitment must be a leaf of the log under the head (docs/formats/leaf.md; RFC 9162, 2.1.3.2). */
async function checkLeaf({ commitment, leaf, head }) {
  const hash = await hashed([0x00, 0x01], unhexed(commitment.value));
  const root = await rootOver(hash, leaf.index, head.size, leaf.path);
  if (root === null || hexed(root) !== head.root) {
    throw new Refused(
      "damaged_leaf",
      "This proof is damaged or forged: the record is not in the log at the head that the proof names.",
    );
  }
}

/** Return the root that this path leads to (RFC 9162, 2.1.3.2), null if it has not the right length. */
async function rootOver(leaf, index, size, path) {
  if (index >= size) return null;
  // Halved by division, as JavaScript's shifts know only 32 bits.
  const half = (value) => Math.floor(value / 2);
  let place = index;
  let last = size - 1;
  let root = leaf;
  for (const neighbour of path) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      root = await hashed([0x01], unhexed(neighbour), root);
      while (place !== 0 && place % 2 === 0) {
        place = half(place);
        last = half(last);
      }
    } else {
      root = await hashed([0x01], root, unhexed(neighbour));
    }
    place = half(place);
    last = half(last);
  }
  return last === 0 ? root : null;
}

async function hashed(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

function big(value, bytes) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return new Uint8Array(view.buffer).slice(8 - bytes);
}

function behindLength(value) {
  const encoded = encoder.encode(value);
  return [encoded.length, ...encoded];
}

function hexed(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function unhexed(value) {
  const bytes = new Uint8Array((value.length - 2) / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = parseInt(value.slice(2 + 2 * at, 4 + 2 * at), 16);
  return bytes;
}

// 3. What can be computed from the evidence of a consent alone

/** The consent must be the one that the form was made for (docs/formats/consent-evidence.md). */
async function checkDocument({ header, commitment, elements, form }) {
  if (!(await standsUnder(elements[0], commitment))) {
    throw new Refused("document_changed", "The consent in this file was changed after it was committed to.");
  }
  if ((await commitmentOver(header, commitment)) !== commitment.value) {
    throw new Refused(
      "header_changed",
      "This file was changed: which consent, version or author it is about was altered.",
    );
  }
  if (commitment.value !== form.scope) {
    throw new Refused("other_document", "The form in this file was made for another consent than the one in it.");
  }
}

/** Who may read must be the one whom the form was made for. */
async function checkGrantee({ grantee, form }) {
  const made = await hashed(
    encoder.encode("ehrportal/grantee/1\0"),
    unhexed(grantee.salt),
    encoder.encode(grantee.text),
  );
  if (hexed(made) !== form.grantee) {
    throw new Refused(
      "grantee_changed",
      printable(`The form in this file was made for another reader than ${grantee.text}.`),
    );
  }
}

/** Return what is signed: the digest of a Grant by EIP-712, from then on the name of the grant. */
function digestOf(form) {
  const ascii = (text) => keccak256(encoder.encode(text));
  const domain = keccak256(
    ascii("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
    ascii("ehrportal consent"),
    ascii("1"),
    wordOf(form.chainId),
    new Uint8Array(12),
    unhexed(form.verifyingContract),
  );
  const given = keccak256(
    ascii("Grant(bytes32 patient,bytes32 grantee,bytes32 scope,uint64 expiry,uint256 nonce,uint64 deadline)"),
    unhexed(form.patient),
    unhexed(form.grantee),
    unhexed(form.scope),
    wordOf(form.expiry),
    unhexed(form.nonce),
    wordOf(form.deadline),
  );
  return keccak256([0x19, 0x01], domain, given);
}

/** Return with what and where it was signed; the signature must be this signer's, of this digest. */
async function checkSignature(signer, digest, signature) {
  if (signer.length === 20) {
    checkWallet(signer, digest, signature);
    return { wallet: hexed(signer) };
  }
  await checkPasskey(signer.slice(20), digest, signature);
  return { page: plain(signer.slice(20 + 96)) };
}

/** The key that made this signature (r, s, v) must be the one of the address. */
function checkWallet(address, digest, signature) {
  if (signature.length !== 65 || ![27, 28].includes(signature[64])) {
    throw new Refused(
      "not_a_wallet_signature",
      "The signature in this file is not one that a wallet makes with a key.",
    );
  }
  const [r, s] = [numberIn(signature.slice(0, 32)), numberIn(signature.slice(32, 64))];
  checkLow(SECP256K1, s);
  const key = keyBehind(SECP256K1, numberIn(digest), r, s, BigInt(signature[64] - 27));
  if (key === null || hexed(keccak256(...key.map(wordOf)).slice(12)) !== hexed(address)) throw notOfKey("wallet");
}

/**
 * The assertion must be this passkey's, over this digest, on the page that is part of the key.
 *
 * The same steps in the same order as ConsentWebAuthnVerifier takes, so that both name the same cause. The
 * client data is read by the limited verification algorithm of WebAuthn (5.8.1.2): what stands where is
 * fixed, and nothing is searched.
 */
async function checkPasskey(key, digest, signature) {
  const { r, s, authenticatorData, clientData } = assertionIn(signature);
  if (hexed(authenticatorData.slice(0, 32)) !== hexed(key.slice(64, 96))) {
    throw new Refused("wrong_rp_id", "The signature in this file was made with a passkey of another site.");
  }
  checkPage(clientData, key.slice(96));
  if (latin(clientData.slice(1, 22)) !== '"type":"webauthn.get"') {
    throw new Refused("wrong_type", "The signature in this file was not made by signing with a passkey.");
  }
  const challenge = btoa(latin(digest)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  if (latin(clientData.slice(23, 80)) !== `"challenge":"${challenge}"`) {
    throw new Refused(
      "wrong_challenge",
      "The signature in this file is of another form, or this form was changed after it was signed.",
    );
  }
  // Present, verified, and not backed up where it cannot be.
  const flags = authenticatorData[32];
  if ((flags & 0x05) !== 0x05 || (flags & 0x18) === 0x10) {
    throw new Refused(
      "user_not_verified",
      "The signature in this file was made without checking the person by PIN, finger or face.",
    );
  }
  checkLow(P256, s);
  const point = [numberIn(key.slice(0, 32)), numberIn(key.slice(32, 64))];
  const signed = await hashed(authenticatorData, await hashed(clientData));
  if (!isSigned(P256, point, numberIn(signed), r, s)) throw notOfKey("passkey");
}

/** Return r, s, authenticator data and client data, which must stand as abi.encode writes them. */
function assertionIn(signature) {
  const [r, s, challengeIndex, typeIndex, ...offsets] = [0, 1, 2, 3, 4, 5].map((place) =>
    numberIn(signature.slice(32 * place, 32 * place + 32)),
  );
  const [authenticatorData, clientData] = offsets.map((offset) => bytesAt(signature, offset));
  // Written in any other way it would be another file with the same meaning.
  const again = [
    ...signature.slice(0, 128),
    ...wordOf(192),
    ...wordOf(224 + padded(authenticatorData)),
    ...inAbi(authenticatorData),
    ...inAbi(clientData),
  ];
  if (
    authenticatorData.length < 37 ||
    authenticatorData.length > 1024 ||
    clientData.length > 2048 ||
    hexed(signature) !== hexed(again)
  ) {
    throw new Refused("not_an_assertion", "The signature in this file is not one that a passkey makes.");
  }
  if (challengeIndex !== 23n || typeIndex !== 1n) {
    throw new Refused("wrong_index", "The signature in this file says that its parts stand where they cannot.");
  }
  return { r, s, authenticatorData, clientData };
}

/** The assertion must have been made on the page that is part of the key, in no other page's frame. */
function checkPage(clientData, origin) {
  if (origin.some((character) => character < 0x21 || character > 0x7e || '"\\'.includes(latin([character])))) {
    throw new Refused("origin_not_plain", "The signer in this file does not name a page where consents are signed.");
  }
  const said = latin(clientData);
  const member = `,"origin":"${latin(origin)}"`;
  const end = 80 + member.length;
  if (said.length < end || said[0] !== "{" || said[22] !== "," || said.slice(79, 91) !== '","origin":"') {
    throw new Refused(
      "client_data_malformed",
      "The signature in this file does not say as browsers do where it was made.",
    );
  }
  if (said.slice(80, end) !== member) {
    const there = plain(clientData.slice(91, 91 + said.slice(91).split('"')[0].length).slice(0, 255));
    throw new Refused(
      "wrong_origin",
      `The signature in this file was made on ${there}, and not on ${plain(origin)}, where this key ` +
        "signs consents.",
    );
  }
  const rest = said.slice(end);
  if (rest !== "}" && !(rest.slice(0, 20) === ',"crossOrigin":false' && (rest[20] === "," || rest.slice(20) === "}"))) {
    throw new Refused("cross_origin", "The signature in this file was made in a frame of another page.");
  }
}

function checkLow(curve, s) {
  // Of each signature there are two, s and n - s. The contracts take the low one, so that there is one.
  if (s > curve.n / 2n) {
    throw new Refused(
      "high_s",
      "The signature in this file has an s that is too large: the contract takes the low one.",
    );
  }
}

function notOfKey(kind) {
  return new Refused(
    "signature_not_of_key",
    `The signature in this file is not of the ${kind} in it: another one signed, or it was changed.`,
  );
}

function bytesAt(encoded, offset) {
  if (offset >= BigInt(encoded.length)) return new Uint8Array(0);
  const start = Number(offset) + 32;
  const length = numberIn(encoded.slice(start - 32, start));
  return length < BigInt(encoded.length) ? encoded.slice(start, start + Number(length)) : new Uint8Array(0);
}

function padded(content) {
  return Math.ceil(content.length / 32) * 32;
}

function inAbi(content) {
  return [...wordOf(content.length), ...content, ...new Uint8Array(padded(content) - content.length)];
}

function wordOf(value) {
  return unhexed(`0x${word(value)}`);
}

function numberIn(bytes) {
  return bytes.length === 0 ? 0n : BigInt(hexed(bytes));
}

/** Return bytes as a text of as many characters, to be compared with another. */
function latin(bytes) {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function plain(bytes) {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : "\ufffd")).join("");
}

// Keccak-256 as chains use it: the sponge of SHA-3 with the padding of before (keccak.team, FIPS 202).

const ROUNDS = [
  0x0000000000000001n, 0x0000000000008082n, 0x800000000000808an, 0x8000000080008000n, 0x000000000000808bn,
  0x0000000080000001n, 0x8000000080008081n, 0x8000000000008009n, 0x000000000000008an, 0x0000000000000088n,
  0x0000000080008009n, 0x000000008000000an, 0x000000008000808bn, 0x800000000000008bn, 0x8000000000008089n,
  0x8000000000008003n, 0x8000000000008002n, 0x8000000000000080n, 0x000000000000800an, 0x800000008000000an,
  0x8000000080008081n, 0x8000000000008080n, 0x0000000080000001n, 0x8000000080008008n,
];
const RATE = 136;

/** Return the Keccak-256 of bytes, or of several behind each other. */
export function keccak256(...parts) {
  const message = [...parts.flatMap((part) => Array.from(part)), 0x01];
  while (message.length % RATE !== 0) message.push(0);
  message[message.length - 1] |= 0x80;
  let lanes = new Array(25).fill(0n);
  for (let start = 0; start < message.length; start += RATE) {
    for (let at = 0; at < RATE / 8; at += 1) {
      lanes[at] ^= numberIn(message.slice(start + 8 * at, start + 8 * at + 8).reverse());
    }
    lanes = permuted(lanes);
  }
  return Uint8Array.from(lanes.slice(0, 4).flatMap((lane) => [...wordOf(lane).slice(24).reverse()]));
}

/** Keccak-f[1600]; the lane of column x and row y stands at x + 5y. */
function permuted(given) {
  let lanes = given;
  for (const constant of ROUNDS) {
    const columns = [0, 1, 2, 3, 4].map(
      (x) => lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20],
    );
    const mixed = columns.map((_, x) => columns[(x + 4) % 5] ^ turned(columns[(x + 1) % 5], 1));
    lanes = lanes.map((lane, at) => lane ^ mixed[at % 5]);
    let [x, y, lane] = [1, 0, lanes[1]];
    for (let step = 1; step < 25; step += 1) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      [lanes[x + 5 * y], lane] = [turned(lane, (step * (step + 1)) / 2), lanes[x + 5 * y]];
    }
    const rows = lanes;
    const at = (place, further) => rows[place - (place % 5) + ((place + further) % 5)];
    lanes = rows.map((own, place) => own ^ (~at(place, 1) & at(place, 2)));
    lanes[0] ^= constant;
  }
  return lanes;
}

function turned(lane, by) {
  const places = BigInt(by % 64);
  return BigInt.asUintN(64, (lane << places) | (lane >> (64n - places)));
}

// ECDSA (FIPS 186-5, SEC 1), only to verify: nothing here is secret, so nothing hides how long it takes.
// Browsers could verify P-256 themselves, but not the curve of wallets; so there is one way for both.

// y^2 = x^3 + ax + b over the field of p, and a point g of order n.
const P256 = {
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  a: -3n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  g: [
    0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
    0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  ],
};
const SECP256K1 = {
  p: 2n ** 256n - 2n ** 32n - 977n,
  a: 0n,
  b: 7n,
  n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  g: [
    0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
    0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
  ],
};

/** Whether this key, which must be a point of the curve, made this signature of a digest. */
function isSigned(curve, key, digest, r, s) {
  const { p, a, b, n, g } = curve;
  const [x, y] = key;
  if (x >= p || y >= p || (y * y - x ** 3n - a * x - b) % p !== 0n) return false;
  if (r === 0n || r >= n || s === 0n || s >= n) return false;
  const inverse = inverted(s, n);
  const point = plus(curve, times(curve, digest * inverse, g), times(curve, r * inverse, key));
  return point !== null && point[0] % n === r;
}

/** Return the key that made this signature, whose point has a y of this parity; null if there is none. */
function keyBehind(curve, digest, r, s, parity) {
  const { p, a, b, n, g } = curve;
  if (r === 0n || r >= n || s === 0n || s >= n) return null;
  const square = (r ** 3n + a * r + b) % p;
  // A root, as p leaves 3 when divided by 4.
  let y = raised(square, (p + 1n) / 4n, p);
  if ((y * y - square) % p !== 0n) return null;
  if (y % 2n !== parity) y = p - y;
  const inverse = inverted(r, n);
  return plus(curve, times(curve, s * inverse, [r, y]), times(curve, -digest * inverse, g));
}

function times(curve, factor, point) {
  let total = null;
  let power = point;
  for (let left = modulo(factor, curve.n); left > 0n; left >>= 1n) {
    if (left & 1n) total = plus(curve, total, power);
    power = plus(curve, power, power);
  }
  return total;
}

/** Return the sum of two points of the curve; null is its zero. */
function plus({ p, a }, one, other) {
  if (one === null || other === null) return one ?? other;
  let slope;
  if (one[0] === other[0]) {
    if ((one[1] + other[1]) % p === 0n) return null;
    slope = (3n * one[0] ** 2n + a) * inverted(2n * one[1], p);
  } else {
    slope = (other[1] - one[1]) * inverted(other[0] - one[0], p);
  }
  const x = modulo(slope ** 2n - one[0] - other[0], p);
  return [x, modulo(slope * (one[0] - x) - one[1], p)];
}

/** Return 1 / value among the remainders of a prime, by Euclid's algorithm. */
function inverted(value, prime) {
  let [left, right] = [prime, modulo(value, prime)];
  let [before, now] = [0n, 1n];
  while (right !== 0n) {
    const quotient = left / right;
    [left, right] = [right, left - quotient * right];
    [before, now] = [now, before - quotient * now];
  }
  return modulo(before, prime);
}

function raised(base, exponent, prime) {
  let result = 1n;
  let power = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * power) % prime;
    power = (power * power) % prime;
  }
  return result;
}

function modulo(value, divisor) {
  const rest = value % divisor;
  return rest < 0n ? rest + divisor : rest;
}

// What the consent says: a FHIR Consent (R4). One that says more than is known here is not put into words.

const PROVISION = new Set(["type", "period", "actor", "action", "purpose", "securityLabel", "class", "data", "id"]);
const ONCE = "urn:ehrportal:consent:once";

/** Return who may read what, for what and when; null if that cannot be told. */
function termsOf(document) {
  let consent;
  try {
    consent = JSON.parse(document);
    refuseWhatOthersReadOtherwise(document, { isPointAllowed: true });
  } catch {
    return null;
  }
  const provision = part(consent, "provision");
  const modifiers = allOf(consent, "modifierExtension");
  const actors = allOf(provision, "actor");
  const actions = allOf(provision, "action").flatMap((action) => allOf(action, "coding"));
  if (
    part(consent, "resourceType") !== "Consent" ||
    part(consent, "status") !== "active" ||
    part(provision, "type") !== "permit" ||
    Object.keys(provision).some((name) => !PROVISION.has(name)) ||
    actors.length !== 1 ||
    actions.some((action) => part(action, "code") !== "access") ||
    modifiers.some((modifier) => part(modifier, "url") !== ONCE)
  ) {
    return null;
  }
  const reader = part(actors[0], "reference");
  return {
    reader: nameOf(reader, "reference"),
    address: part(reader, "reference"),
    kinds: allOf(provision, "class").map((kind) => nameOf(kind, "code")),
    records: allOf(provision, "data").map((record) => nameOf(part(record, "reference"), "reference")),
    labels: allOf(provision, "securityLabel").map((label) => nameOf(label, "code")),
    purposes: allOf(provision, "purpose").map((purpose) => nameOf(purpose, "code")),
    isOnce: modifiers.some((modifier) => part(modifier, "valueBoolean") === true),
    start: seconds(part(part(provision, "period"), "start")),
    end: seconds(part(part(provision, "period"), "end")),
    written: seconds(part(consent, "dateTime")),
  };
}

function part(value, name) {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : null;
}

function allOf(value, name) {
  const found = part(value, name);
  return Array.isArray(found) ? found : [];
}

/** Return what people call it, or else its code or address. */
function nameOf(value, otherwise) {
  const found = ["display", otherwise].map((name) => part(value, name));
  return found.find((name) => typeof name === "string" && name !== "") ?? "?";
}

/** Return a moment of FHIR in seconds since 1970; null if it is none, or only a day. */
function seconds(value) {
  const found =
    /^([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/.exec(
      typeof value === "string" ? value : "",
    );
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const there = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // What no calendar has, Date moves to another day.
  if (there.toISOString().slice(0, 19) !== value.slice(0, 19)) return null;
  const ahead = (3600 * Number(found[8] ?? 0) + 60 * Number(found[9] ?? 0)) * (found[7] === "-" ? -1 : 1);
  return there.getTime() / 1000 - ahead;
}

/** What people read must be what the contract goes by. */
function checkTerms(terms, { grantee, form }) {
  if (terms === null) return;
  if (terms.address !== grantee.text) {
    throw new Refused(
      "other_grantee",
      printable(`The consent in this file does not name ${grantee.text}, for whom the form was made.`),
    );
  }
  if (terms.end !== null && terms.end !== form.expiry) {
    throw new Refused(
      "other_expiry",
      `The consent in this file ends on ${moment(terms.end)}, and the form that was signed ends on ` +
        `${moment(form.expiry)}.`,
    );
  }
}

// 4. What only the chain can tell

/** A node of the chain, asked over JSON-RPC. */
function nodeAt(url, fetch) {
  let parts = null;
  try {
    parts = new URL(url);
  } catch {
    // Said below, with the other addresses that are none.
  }
  if (parts === null || !["http:", "https:"].includes(parts.protocol) || !parts.hostname) {
    throw new Refused("unreachable", "The address of the node must begin with http:// or https://.");
  }
  // Addresses of nodes often hold a key or a password, which nobody needs to read over our shoulder.
  const name = parts.host;

  const garbage = (what) =>
    new Refused("bad_answer", `The node at ${name} gave an answer that makes no sense. Try another one.`, [
      ["Answer", what],
    ]);

  async function answerTo(method, params) {
    const unreachable = (error) =>
      new Refused("unreachable", `The node at ${name} cannot be reached.`, [["Reason", error.name]]);
    let response;
    let body;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(TIMEOUT),
      });
      body = await response.text();
    } catch (error) {
      throw unreachable(error);
    }
    if (!response.ok) throw garbage(`${method} was answered with HTTP status ${response.status}`);
    let answer = null;
    try {
      answer = body.length <= MAX_ANSWER ? JSON.parse(body) : null;
    } catch {
      // Said below: it is no JSON-RPC.
    }
    if (!isObject(answer)) throw garbage(`${method} was not answered in JSON-RPC`);
    return answer;
  }

  /** Return the node's answer, null if it knows of nothing such. */
  async function ask(method, ...params) {
    const answer = await answerTo(method, params);
    if (Object.hasOwn(answer, "error")) {
      if (method === "eth_call" && isRevert(answer.error)) throw new Reverted();
      throw garbage(`${method} was refused: ${errorMessage(answer.error)}`);
    }
    if (!Object.hasOwn(answer, "result")) throw garbage(`${method} was answered without a result`);
    return answer.result;
  }

  return { name, ask, garbage };
}

function errorMessage(error) {
  return isObject(error) && typeof error.message === "string" ? error.message.slice(0, 200) : "no reason given";
}

function isRevert(error) {
  // Geth and others give code 3 to a revert; some only say so.
  return isObject(error) && (error.code === 3 || errorMessage(error).toLowerCase().includes("revert"));
}

/** Return what the chain says about the head: whose it is, and since when it stands there. */
async function askChain(proof, node, trusted) {
  const { anchor, head } = proof;
  const contract = anchor.contract.toLowerCase();
  const code = await askCode(node, anchor.chainId, anchor.contract, trusted);
  let found;
  try {
    found = await askContracts(node, contract, anchor.institution, head.size);
  } catch (error) {
    if (!(error instanceof Reverted)) throw error;
    throw new Refused(
      "not_a_log",
      `The contract at ${anchor.contract} is not a log of records: it does not answer as one.`,
    );
  }

  if (found.status !== ACTIVE && found.status !== SUSPENDED) {
    throw new Refused(
      "unknown_hospital",
      `The contract's registry knows no hospital with the number ${anchor.institution}.`,
    );
  }
  if (/^0x0*$/.test(found.root)) {
    throw new Refused(
      "not_anchored",
      `The head that this proof rests on, of ${head.size} leaves, is not on the chain yet. ` +
        "Try again once the hospital has anchored it.",
    );
  }
  if (found.root !== head.root) {
    throw new Refused(
      "other_root",
      `The chain says otherwise: for ${head.size} leaves of this hospital it holds another root. ` +
        "The proof is forged, or of another chain with the same number.",
    );
  }
  return { ...found, isKnown: await isKnown(code, KNOWN_LOGS), ...(await askWhen(proof, node, contract)) };
}

/** Return the code of the contract that a file names, which must be the one that the reader trusts. */
async function askCode(node, chainId, contract, trusted) {
  if (trusted !== null && trusted.toLowerCase() !== contract.toLowerCase()) {
    throw new Refused(
      "other_contract",
      `This file relies on the contract ${contract}, and not on the one that you trust.`,
    );
  }
  const chain = quantity(node, "eth_chainId", await node.ask("eth_chainId"));
  if (chain !== chainId) {
    throw new Refused(
      "wrong_chain",
      `This file is about chain ${chainId}, and the node at ${node.name} is of chain ${chain}. Ask a ` +
        "node of the right chain.",
    );
  }
  const code = hexData(node, "eth_getCode", await node.ask("eth_getCode", contract.toLowerCase(), "latest"));
  if (code.length === 0) {
    throw new Refused(
      "no_contract",
      `There is no contract at ${contract} on chain ${chain}, so nothing is recorded there.`,
    );
  }
  return code;
}

/** Whether this is one of the published builds, of which it is known what they refuse. */
async function isKnown(code, builds) {
  for (const [known, places] of Object.entries(builds)) {
    const blanked = code.slice();
    for (const start of places) blanked.fill(0, start, start + 32);
    if (hexed(await hashed(blanked)).slice(2) === known) return true;
  }
  return false;
}

async function askContracts(node, contract, institution, size) {
  const found = await askHospital(node, contract, institution);
  const root = await call(node, contract, ROOT_AT + word(institution) + word(size));
  if (root.length !== 32) throw new Reverted();
  return { ...found, root: hexed(root) };
}

/** Return what the contract's registry says about a hospital: its name, its portal and its standing. */
async function askHospital(node, contract, institution) {
  const answer = await call(node, contract, REGISTRY);
  if (answer.length !== 32 || answer.slice(0, 12).some((byte) => byte !== 0)) throw new Reverted();
  const registry = hexed(answer.slice(12));
  const hospital = await call(node, registry, INSTITUTION + word(institution));
  // Five words: operator, where the name is, where the portal's address is, thumbprint, status.
  if (hospital.length < 5 * 32) throw new Reverted();
  return {
    hospital: stringAt(hospital, 1),
    portal: stringAt(hospital, 2),
    status: BigInt(hexed(hospital.slice(4 * 32, 5 * 32))),
  };
}

/** Return the block of the transaction that brought the head, having found the head in it. */
async function askWhen({ anchor, head }, node, contract) {
  const receipt = await node.ask("eth_getTransactionReceipt", anchor.transaction);
  if (receipt !== null && !isObject(receipt)) {
    throw node.garbage("eth_getTransactionReceipt was not answered with a receipt");
  }
  if (receipt === null || !hasHead(receipt, contract, anchor.institution, head)) {
    throw new Refused(
      "wrong_transaction",
      "The head is on the chain, but not by the transaction that this proof names, so since when " +
        "cannot be told. Ask the hospital for a new proof.",
    );
  }
  return askBlock(node, receipt);
}

/** Return when the block of a transaction was made, and how deep it lies. */
async function askBlock(node, receipt) {
  const block = await node.ask("eth_getBlockByHash", receipt.blockHash ?? null, false);
  if (!isObject(block)) throw node.garbage("eth_getBlockByHash was not answered with a block");
  const height = quantity(node, "eth_getBlockByHash", block.number);
  const latest = quantity(node, "eth_blockNumber", await node.ask("eth_blockNumber"));
  return {
    time: quantity(node, "eth_getBlockByHash", block.timestamp),
    block: height,
    depth: Math.max(0, latest - height) + 1,
  };
}

/** Whether this transaction went through, and the contract announced exactly this head in it. */
function hasHead(receipt, contract, institution, head) {
  const wanted = [HEAD_EXTENDED, `0x${word(institution)}`, `0x${word(head.size)}`];
  return hasEvent(receipt, contract, wanted, head.root);
}

/** Whether this transaction went through, and the contract announced exactly this in it. */
function hasEvent(receipt, contract, topics, data) {
  return (
    receipt.status === "0x1" &&
    Array.isArray(receipt.logs) &&
    receipt.logs.some(
      (log) =>
        isObject(log) &&
        typeof log.address === "string" &&
        log.address.toLowerCase() === contract &&
        Array.isArray(log.topics) &&
        log.topics.length === topics.length &&
        topics.every((topic, number) => log.topics[number] === topic) &&
        log.data === data,
    )
  );
}

/** Return what the chain says about a grant: since when it holds, and under a key of whose patient. */
async function askConsents(consent, digest, node, trusted, said, details) {
  const { form } = consent;
  const contract = form.verifyingContract.toLowerCase();
  const code = await askCode(node, form.chainId, form.verifyingContract, trusted);
  const signer = hexed(keccak256(unhexed(consent.signer)));
  let found;
  try {
    found = await askGrant(node, contract, form.patient.slice(2), hexed(digest).slice(2), signer.slice(2));
    // The digest binds the expiry, so a registry that knows the one knows the other.
    if (found.granted !== 0n && found.expiry !== BigInt(form.expiry)) throw new Reverted();
  } catch (error) {
    if (!(error instanceof Reverted)) throw error;
    throw new Refused(
      "not_a_registry",
      `The contract at ${form.verifyingContract} is not a registry of consents: it does not answer ` + "as one.",
    );
  }
  if (found.granted === 0n) {
    throw new Refused(
      "not_granted",
      `Signed, but not on the chain: ${said} The contract does not know this grant, so it has not been ` +
        "accepted there (yet).",
      details,
    );
  }
  found.isKnown = await isKnown(code, KNOWN_CONSENTS);
  Object.assign(found, await askGranted(consent, digest, node, contract, found.isSigner));
  if (found.revoked !== 0n || !found.isActive) {
    const [sentence, more] = onChain(said, details, consent, found, trusted);
    throw new Refused(found.revoked !== 0n ? "revoked" : "expired", sentence, more);
  }
  return found;
}

async function askGrant(node, contract, patient, grant, signer) {
  const [granted, expiry, revoked] = wordsIn(await call(node, contract, TERM_OF + patient + grant), 3);
  const [active] = wordsIn(await call(node, contract, IS_ACTIVE + patient + grant), 1);
  const [isSigner] = wordsIn(await call(node, contract, IS_SIGNER + patient + signer), 1);
  const [institution] = wordsIn(await call(node, contract, PATIENT_OF + patient), 2);
  return {
    granted,
    expiry,
    revoked,
    isActive: active === 1n,
    isSigner: isSigner === 1n,
    institution,
    ...(await askHospital(node, contract, institution)),
  };
}

function wordsIn(answer, count) {
  if (answer.length !== 32 * count) throw new Reverted();
  return Array.from({ length: count }, (_, place) => numberIn(answer.slice(32 * place, 32 * place + 32)));
}

/** Return the block of the transaction that brought the grant, having found there grant and key. */
async function askGranted(consent, digest, node, contract, isSigner) {
  const { form, transaction } = consent;
  if (transaction === null) {
    if (!isSigner) {
      throw new Refused(
        "not_a_signer",
        "The chain knows this grant, but the key in this file is not one of the patient's today. Ask " +
          "the hospital for a file that names the transaction, which tells whether it was one then.",
      );
    }
    return {};
  }
  const receipt = await node.ask("eth_getTransactionReceipt", transaction);
  if (receipt !== null && !isObject(receipt)) {
    throw node.garbage("eth_getTransactionReceipt was not answered with a receipt");
  }
  const topics = [GRANTED, form.patient, hexed(digest), hexed(keccak256(unhexed(consent.signer)))];
  const data = form.grantee + form.scope.slice(2) + word(form.expiry);
  if (receipt === null || !hasEvent(receipt, contract, topics, data)) {
    throw new Refused(
      "wrong_transaction",
      "The grant is on the chain, but not by the transaction that this file names, or not under the " +
        "key in it. Ask the hospital for a new file.",
    );
  }
  return askBlock(node, receipt);
}

async function call(node, contract, data) {
  return hexData(node, "eth_call", await node.ask("eth_call", { to: contract, data: `0x${data}` }, "latest"));
}

function word(value) {
  return BigInt(value).toString(16).padStart(64, "0");
}

function quantity(node, method, value) {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,13}$/.test(value)) {
    throw node.garbage(`${method} was not answered with a number`);
  }
  return Number(value);
}

function hexData(node, method, value) {
  if (typeof value !== "string" || value.length % 2 !== 0 || !/^0x[0-9a-fA-F]*$/.test(value)) {
    throw node.garbage(`${method} was not answered with bytes`);
  }
  return unhexed(value);
}

/** Return the string whose offset stands in this word of an ABI-encoded answer. */
function stringAt(answer, place) {
  const numberAt = (at) => BigInt(hexed(answer.slice(at, at + 32)));
  const offset = numberAt(place * 32);
  if (offset + 32n > BigInt(answer.length)) throw new Reverted();
  const start = Number(offset) + 32;
  const length = numberAt(start - 32);
  if (length > 1024n || BigInt(start) + length > BigInt(answer.length)) throw new Reverted();
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(answer.slice(start, start + Number(length)));
}

// 5. Saying it in words

const TO_BE_COMPARED = [
  "To be compared",
  "This relies on the contract above, which the file itself names. Compare it with the one that the " +
    "hospital publishes.",
];

function sentenceOn({ header, elements }, found) {
  const record = `version ${header.version} of ${header.resourceType} ${header.id}`;
  let what = `the ${elements.length} values below stand in ${record}`;
  if (elements.some((element) => element.pointer === "")) {
    what = `this is, byte for byte, ${record}`;
  } else if (elements.length === 1) {
    what = `${elements[0].pointer} is ${shownValue(elements[0].text)} in ${record}`;
  }
  // What it anchored stands: the contract took that while the hospital was a member.
  return printable(
    `Proven: ${what}, which ${found.hospital} has had on record since ${moment(found.time)}.${standing(found)}`,
  );
}

async function detailsOn(proof, found, trusted) {
  const { header, anchor, head } = proof;
  const details = [
    ["Record", `${header.resourceType} ${header.id}, version ${header.version}`],
    ["Kind", header.topic],
    ["Author", header.author],
    ["Version before", header.previous ?? "none"],
  ];
  for (const element of proof.elements.slice(0, MAX_SHOWN)) {
    if (element.pointer === "") {
      const content = encoder.encode(element.text);
      const hash = hexed(await hashed(content)).slice(2);
      details.push(["Whole document", `${content.length} bytes, SHA-256 ${hash}`]);
      details.push(["It reads", shownDocument(element.text)]);
    } else {
      details.push([element.pointer, shownValue(element.text)]);
    }
  }
  if (proof.elements.length > MAX_SHOWN) details.push(["More values", String(proof.elements.length - MAX_SHOWN)]);
  details.push(
    ["Hospital", shownHospital(found, anchor.institution)],
    ["On the chain since", `${moment(found.time)}, block ${found.block}, ${found.depth} deep`],
    ["Place in the log", `leaf ${proof.leaf.index} of ${head.size}`],
    ["Chain", String(anchor.chainId)],
    ["Contract", anchor.contract],
    [
      "Its code",
      found.isKnown
        ? "the published one, which refuses a head that rewrites the log"
        : "not one that this verifier knows, so nothing says here that it refuses a rewritten log",
    ],
    ["Transaction", anchor.transaction],
  );
  if (trusted === null) details.push(TO_BE_COMPARED);
  return details;
}

/** Return who signed what, as one sentence. */
function whatWasSigned({ form }, how, terms) {
  const signed = how.page
    ? `on ${how.page} the holder of a passkey, checked by PIN, finger or face, signed`
    : `the wallet ${how.wallet} signed`;
  const until = moment(form.expiry);
  if (terms === null) {
    return `${signed} the consent below, which this verifier cannot put into words, until ${until}.`;
  }
  const named = [...terms.kinds, ...terms.records];
  const what = named.length > 0 ? listed(named) : "everything";
  const labels = terms.labels.length > 0 ? `, with what is marked ${listed(terms.labels)}` : "";
  const purposes = terms.purposes.length > 0 ? listed(terms.purposes) : "any purpose";
  const start = terms.start === null ? "" : `from ${moment(terms.start)} `;
  const once = terms.isOnce ? ", on one occasion" : "";
  return printable(
    `${signed} that ${listed([terms.reader])} may read ${what}${labels}, for ${purposes}, ${start}until ` +
      `${until}${once}.`,
  );
}

function onPaperOnly(said, details) {
  return [
    `Proven: ${said} The chain was not asked, so whose key this is, whether the grant was accepted there ` +
      "and whether it has been revoked since is not known.",
    [...details, ["On the chain", "not asked: name one of its nodes with --rpc"]],
  ];
}

/** Return what was signed, and what became of it on the chain. */
function onChain(said, details, consent, found, trusted) {
  const since = moment(Number(found.granted));
  const whose = `under a key of a patient whom ${found.hospital} enrolled`;
  const revoked = found.revoked === 0n ? null : moment(Number(found.revoked));
  let sentence = `Proven: ${said} The chain has held it since ${since}, ${whose}, and it is not revoked.`;
  if (revoked !== null) {
    sentence =
      `Revoked: ${said} The chain accepted this grant on ${since}, ${whose}, and it was revoked on ` +
      `${revoked}: from then on nobody may read under it.`;
  } else if (!found.isActive) {
    sentence = `Expired: ${said} The chain accepted this grant on ${since}, ${whose}, and it has ended.`;
  }
  const block = found.block === undefined ? "" : `, block ${found.block}, ${found.depth} deep`;
  const more = [
    ...details,
    ["On the chain since", since + block],
    ["Revoked", revoked ?? "no"],
    ["Enrolled by", shownHospital(found, found.institution)],
    ["Key today", found.isSigner ? "one of the patient's" : "not one of the patient's any more"],
    [
      "Its code",
      found.isKnown
        ? "the published one, which takes a grant only with a signature of the patient's key"
        : "not one that this verifier knows, so nothing says here that it refuses what nobody signed",
    ],
    ["Transaction", consent.transaction ?? "not named"],
  ];
  if (trusted === null) more.push(TO_BE_COMPARED);
  return [printable(sentence + standing(found)), more];
}

async function detailsOnConsent({ header, form, elements, grantee }, how, terms, digest) {
  const content = elements[0].text;
  const details = [];
  if (terms !== null) {
    for (const [label, names] of [
      ["May read", [terms.reader]],
      ["What", terms.kinds],
      ["Record", terms.records],
      ["With what is marked", terms.labels],
      ["For", terms.purposes],
    ]) {
      for (const name of names.slice(0, MAX_SHOWN)) details.push([label, shownValue(name)]);
      if (names.length > MAX_SHOWN) details.push([`${label}, more`, String(names.length - MAX_SHOWN)]);
    }
    details.push(["From", terms.start === null ? "not said" : moment(terms.start)]);
  }
  const written = terms === null ? null : terms.written;
  const encoded = encoder.encode(content);
  return [
    ...details,
    ["Until", moment(form.expiry)],
    ["Address of the reader", grantee.text],
    ["Signed with", how.wallet ? `the wallet ${how.wallet}` : "a passkey"],
    ["Signed on", how.page ?? "not known: a wallet's signature does not name the page"],
    ["Signed at", "not known: a signature carries no time"],
    ["Consent written", written === null ? "not said" : moment(written)],
    ["Consent", `${header.resourceType} ${header.id}, version ${header.version}`],
    ["Kind", header.topic],
    ["Author", header.author],
    ["Version before", header.previous ?? "none"],
    ["Whole document", `${encoded.length} bytes, SHA-256 ${hexed(await hashed(encoded)).slice(2)}`],
    ["It reads", shownDocument(content)],
    ["Grant", hexed(digest)],
    ["Patient", form.patient],
    ["Chain", String(form.chainId)],
    ["Contract", form.verifyingContract],
  ];
}

/** Return names as part of a sentence, which none of them can end. */
function listed(names) {
  const quoted = names.slice(0, MAX_SAID).map((name) => `"${shownValue(name).replaceAll('"', "'")}"`);
  if (names.length > MAX_SAID) quoted.push(`${names.length - MAX_SAID} more`);
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}` : quoted.join("");
}

function standing(found) {
  return found.status === SUSPENDED ? " The hospital is suspended from the registry today." : "";
}

function shownHospital(found, institution) {
  const today = found.status === SUSPENDED ? ", suspended from the registry today" : "";
  return `${found.hospital} (number ${institution}, ${found.portal})${today}`;
}

function shownPointer(pointer) {
  return pointer ? printable(pointer) : "the whole document";
}

/** Return a value as it was written, cut if it is long. */
function shownValue(value) {
  return cut(value, 300);
}

/** Return a document in one line, cut if it is long. */
function shownDocument(document) {
  const beginning = Array.from(document.slice(0, 20 * MAX_DOCUMENT_SHOWN)).slice(0, 10 * MAX_DOCUMENT_SHOWN).join("");
  return cut(beginning.replace(/[ \t\n\r]+/g, " ").replace(/^ | $/g, ""), MAX_DOCUMENT_SHOWN);
}

/** Cut between characters, which JavaScript keeps in one place or two. */
function cut(text, most) {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length <= most ? text : `${characters.slice(0, most).join("")}...`;
}

function moment(timestamp) {
  const at = new Date(timestamp * 1000);
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999) return "a time that no calendar knows";
  const clock = at.toISOString().slice(11, 19);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${clock} UTC`;
}

/** Return text without the characters that would steer a reader's eye or turn lines around. */
function printable(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

// 6. The page

function bind(root) {
  const named = (name) => document.getElementById(`verify-${name}`);
  const [drop, result] = ["drop", "result"].map(named);
  // By its type: a library that dresses the field may have given its id to a button by now.
  const input = root.querySelector("input[type=file]");

  async function check(file) {
    show("checking", `Checking ${printable(file.name)}.`, []);
    let reached;
    try {
      const bytes = await file.slice(0, MAX_FILE + 1).arrayBuffer();
      reached = await verify(textOf(bytes), {
        rpcUrl: named("rpc")?.value.trim() || root.dataset.rpcUrl,
        contract: named("contract")?.value.trim() || root.dataset.contract,
        consentRegistry: named("consent-registry")?.value.trim() || root.dataset.consentRegistry,
      });
    } catch {
      reached = verdict("unreadable", "The file cannot be read.", []);
    }
    const state = COULD_NOT_RUN.has(reached.cause) ? "unknown" : "refused";
    show(reached.ok ? "proven" : state, reached.sentence, reached.details);
  }

  function show(state, sentence, details) {
    result.dataset.state = state;
    const heading = element("h2", sentence.length > 160 ? "nhsuk-heading-m" : "nhsuk-heading-l", sentence);
    const list = element("dl", "nhsuk-summary-list");
    for (const { label, value } of details) {
      const row = element("div", "nhsuk-summary-list__row");
      row.append(element("dt", "nhsuk-summary-list__key", label), element("dd", "nhsuk-summary-list__value", value));
      list.append(row);
    }
    // Put in at once, so that it is read out once.
    result.replaceChildren(...(details.length > 0 ? [heading, list] : [heading]));
  }

  input.addEventListener("change", () => {
    if (input.files.length > 0) check(input.files[0]);
  });
  input.addEventListener("click", () => {
    // So that the same file, mended, can be chosen again.
    input.value = "";
  });
  drop?.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
  drop?.addEventListener("dragleave", () => drop.classList.remove("is-over"));
  drop?.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    if (event.dataTransfer.files.length > 0) check(event.dataTransfer.files[0]);
  });
}

/** Return a file's text; of one that is not UTF-8, a text that no proof is. */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return "";
  }
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

if (typeof document !== "undefined") {
  const root = document.getElementById("verify");
  if (root !== null) bind(root);
}
