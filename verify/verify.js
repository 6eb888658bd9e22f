// Verifies an ehrportal proof in the browser, with no part of ehrportal but this file and no server but a node.
//
//   import { verify } from "./verify.js";
//   const verdict = await verify(proofText, { rpcUrl, contract, fetch });
//   // { ok, cause, sentence, details: [{ label, value }] }, as verify.py --json prints it
//
// Imported by a page, it binds itself to these elements, if the page has the first one:
//
//   #verify          holds the others. data-rpc-url: address of a node; data-contract: the RecordLog that the
//                    page vouches for. Without it the one that the file names is believed, and said so.
//   #verify-drop     where a file may be dropped; it gets the class "is-over" while one is held over it
//   input[type=file] one, wherever it is in here
//   #verify-result   a region with aria-live="polite", where the verdict is put. Its data-state is "checking",
//                    "proven", "refused" or "unknown"; inside come <h2 class="nhsuk-heading-l"> with the
//                    sentence and <dl class="nhsuk-summary-list"> with the details.
//   #verify-rpc      (optional) <input> for another node than the page's
//   #verify-contract (optional) <input> for another contract than the page's
//
// The steps, their order and their words are those of verify.py, and a test holds them together.

const FORMAT = "ehrportal-proof/1";

// Bounds on what is read at all: files come from strangers, and so do a node's answers.
const MAX_FILE = 160 * 1024 * 1024;
const MAX_ANSWER = 16 * 1024 * 1024;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
const MAX_SHOWN = 200;
const MAX_DOCUMENT_SHOWN = 2_000;
const TIMEOUT = 20_000;

// First four bytes of the Keccak-256 of each signature, which browsers cannot compute.
const REGISTRY = "7b103999"; // registry()
const ROOT_AT = "ab485c16"; // rootAt(uint256,uint64)
const INSTITUTION = "2eb78bf6"; // institution(uint256)
// Keccak-256 of HeadExtended(uint256,uint64,bytes32).
const HEAD_EXTENDED = "0x391edface9dd686cedd6504f223fdb05d825facd3df1ffa8c8b2b26e12e830a8";

// Published builds of RecordLog: SHA-256 of the code on the chain, zeros in place of the registry's address.
const KNOWN_CODE = {
  "cfc71750c48098dca387c1b701f8d8d7bf7c2bf7922d2015f948d3fd63200aa3": [181, 396],
};

const ACTIVE = 1n;
const SUSPENDED = 2n;

// What keeps us from finding out, rather than being wrong with the proof.
const COULD_NOT_RUN = new Set(["unreadable", "unreachable", "bad_answer", "no_crypto"]);

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

/** The proof does not hold, or cannot be checked: `cause` for programs, `sentence` for people. */
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
 * Return the verdict on a proof file.
 *
 * @param {string} proofText the file's text
 * @param {object} options
 * @param {string} options.rpcUrl a node of the chain that the proof names
 * @param {string} [options.contract] the RecordLog that the reader trusts; without it, the file's is believed
 * @param {typeof fetch} [options.fetch] what asks the node
 */
export async function verify(proofText, { rpcUrl, contract, fetch = globalThis.fetch.bind(globalThis) }) {
  const trusted = contract || null;
  try {
    if (!globalThis.crypto?.subtle) {
      throw new Refused("no_crypto", "This page cannot check proofs, as it was not opened over a secure connection.");
    }
    const proof = read(proofText);
    await checkElements(proof);
    await checkHeader(proof);
    await checkLeaf(proof);
    const found = await askChain(proof, nodeAt(rpcUrl, fetch), trusted);
    return verdict(null, sentenceOn(proof, found), await detailsOn(proof, found, trusted));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return verdict(error.cause, error.sentence, error.details);
  }
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

/** Return the proof in a file, every field in it being what it must be. */
function read(text) {
  if (text.length > MAX_FILE) throw new Refused("not_a_proof", "This is not a proof file: it is too large.");
  let proof;
  try {
    proof = JSON.parse(text);
    refuseWhatOthersReadOtherwise(text);
  } catch {
    throw new Refused("not_a_proof", "This is not a proof file: it cannot be read as one.");
  }
  if (!isObject(proof) || typeof proof.format !== "string") {
    throw new Refused("not_a_proof", "This is not a proof file: it does not say that it is one.");
  }
  if (!proof.format.startsWith("ehrportal-proof/")) {
    throw new Refused("not_a_proof", "This is not a proof file: it says that it is something else.");
  }
  if (proof.format !== FORMAT) {
    throw new Refused(
      "unsupported_version",
      "This proof is written in a newer format than this verifier knows. Use a newer verifier.",
    );
  }
  PROOF(proof, "");
  return proof;
}

/**
 * Throw if JSON that JSON.parse has taken holds a key twice, or a number with a point or an exponent.
 *
 * Walks over the characters itself: a regular expression would run out of memory over a long document.
 */
function refuseWhatOthersReadOtherwise(text) {
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
      if (/[.eE]/.test(text.slice(start, at))) throw new SyntaxError("no number of a proof is written so");
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
  return new Refused("damaged_file", `This proof file is damaged: its field ${where} is not what it must be.`);
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
const PROOF = fields({
  format: text(1, 255),
  header: fields({
    topic: NAME,
    resourceType: NAME,
    id: NAME,
    version: number(1, MAX_NUMBER),
    author: NAME,
    previous: orNull(HASH),
  }),
  commitment: fields({ value: HASH, root: HASH, count: number(1, 2 ** 20) }),
  elements: items(
    fields({
      pointer: text(0, 4096),
      text: text(1, 64 * 1024 * 1024),
      salt: HASH,
      index: number(0, 2 ** 20),
      path: items(HASH, 0, 20),
    }),
    1,
    10_000,
  ),
  leaf: fields({ index: number(0, MAX_NUMBER), path: items(HASH, 0, 64) }),
  head: fields({ size: number(1, MAX_NUMBER), root: HASH }),
  anchor: fields({
    chainId: number(1, MAX_NUMBER),
    contract: matching(/^0x[0-9a-fA-F]{40}$/),
    institution: number(1, MAX_NUMBER),
    transaction: HASH,
  }),
});

// 2. What can be computed from the file alone

/** Each element shown must stand under the root of the record's elements (docs/formats/commitment.md). */
async function checkElements(proof) {
  for (const element of proof.elements) {
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
    const root = await rootOver(leaf, element.index, proof.commitment.count, element.path);
    if (root === null || hexed(root) !== proof.commitment.root) {
      throw new Refused(
        "damaged_element",
        `This proof is damaged or forged: ${shownPointer(element.pointer)} does not match what was recorded.`,
      );
    }
  }
}

/** The record's name, version and author must be those of the commitment (docs/formats/commitment.md). */
async function checkHeader({ header, commitment }) {
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
  if (hexed(value) !== commitment.value) {
    throw new Refused(
      "damaged_header",
      "This proof is damaged or forged: which record, version or author it is about was altered.",
    );
  }
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

// 3. What only the chain can tell

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
  if (trusted !== null && trusted.toLowerCase() !== contract) {
    throw new Refused(
      "other_contract",
      `This proof relies on the contract ${anchor.contract}, and not on the one that you trust.`,
    );
  }

  const chain = quantity(node, "eth_chainId", await node.ask("eth_chainId"));
  if (chain !== anchor.chainId) {
    throw new Refused(
      "wrong_chain",
      `This proof is anchored on chain ${anchor.chainId}, and the node at ${node.name} is of chain ` +
        `${chain}. Ask a node of the right chain.`,
    );
  }
  const code = hexData(node, "eth_getCode", await node.ask("eth_getCode", contract, "latest"));
  if (code.length === 0) {
    throw new Refused(
      "no_contract",
      `There is no contract at ${anchor.contract} on chain ${chain}, so nothing is anchored there.`,
    );
  }
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
  return { ...found, isKnown: await isKnown(code), ...(await askWhen(proof, node, contract)) };
}

/** Whether this is a published RecordLog, which is known to refuse a head that rewrites its log. */
async function isKnown(code) {
  for (const [known, places] of Object.entries(KNOWN_CODE)) {
    const blanked = code.slice();
    for (const start of places) blanked.fill(0, start, start + 32);
    if (hexed(await hashed(blanked)).slice(2) === known) return true;
  }
  return false;
}

async function askContracts(node, contract, institution, size) {
  const answer = await call(node, contract, REGISTRY);
  if (answer.length !== 32 || answer.slice(0, 12).some((byte) => byte !== 0)) throw new Reverted();
  const registry = hexed(answer.slice(12));
  const hospital = await call(node, registry, INSTITUTION + word(institution));
  // Five words: operator, where the name is, where the portal's address is, thumbprint, status.
  if (hospital.length < 5 * 32) throw new Reverted();
  const root = await call(node, contract, ROOT_AT + word(institution) + word(size));
  if (root.length !== 32) throw new Reverted();
  return {
    hospital: stringAt(hospital, 1),
    portal: stringAt(hospital, 2),
    status: BigInt(hexed(hospital.slice(4 * 32, 5 * 32))),
    root: hexed(root),
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
  return (
    receipt.status === "0x1" &&
    Array.isArray(receipt.logs) &&
    receipt.logs.some(
      (log) =>
        isObject(log) &&
        typeof log.address === "string" &&
        log.address.toLowerCase() === contract &&
        Array.isArray(log.topics) &&
        log.topics.length === wanted.length &&
        wanted.every((topic, number) => log.topics[number] === topic) &&
        log.data === head.root,
    )
  );
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

// 4. Saying it in words

function sentenceOn({ header, elements }, found) {
  const record = `version ${header.version} of ${header.resourceType} ${header.id}`;
  let what = `the ${elements.length} values below stand in ${record}`;
  if (elements.some((element) => element.pointer === "")) {
    what = `this is, byte for byte, ${record}`;
  } else if (elements.length === 1) {
    what = `${elements[0].pointer} is ${shownValue(elements[0].text)} in ${record}`;
  }
  // What it anchored stands: the contract took that while the hospital was a member.
  const today = found.status === SUSPENDED ? " The hospital is suspended from the registry today." : "";
  return printable(`Proven: ${what}, which ${found.hospital} has had on record since ${moment(found.time)}.${today}`);
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
  if (trusted === null) {
    details.push([
      "To be compared",
      "This relies on the contract above, which the file itself names. Compare it with the one " +
        "that the hospital publishes.",
    ]);
  }
  return details;
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

// 5. The page

function bind(root) {
  const part = (name) => document.getElementById(`verify-${name}`);
  const [drop, result] = ["drop", "result"].map(part);
  // By its type: a library that dresses the field may have given its id to a button by now.
  const input = root.querySelector("input[type=file]");

  async function check(file) {
    show("checking", `Checking ${printable(file.name)}.`, []);
    let reached;
    try {
      const bytes = await file.slice(0, MAX_FILE + 1).arrayBuffer();
      reached = await verify(textOf(bytes), {
        rpcUrl: part("rpc")?.value.trim() || root.dataset.rpcUrl,
        contract: part("contract")?.value.trim() || root.dataset.contract,
      });
    } catch {
      reached = verdict("unreadable", "The proof file cannot be read.", []);
    }
    const state = COULD_NOT_RUN.has(reached.cause) ? "unknown" : "refused";
    show(reached.ok ? "proven" : state, reached.sentence, reached.details);
  }

  function show(state, sentence, details) {
    result.dataset.state = state;
    const heading = element("h2", "nhsuk-heading-l", sentence);
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
