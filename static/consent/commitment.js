// The two commitments of a consent, computed from the very text that the page shows
// (docs/formats/commitment.md, docs/formats/consent.md). No answer of the server is taken for them.

import { big, joined, sha256, unhexed, utf8 } from "./bytes.js";

const DOMAIN = utf8("ehrportal/commitment");
const GRANTEE = joined(utf8("ehrportal/grantee/1"), [0]);

/** Return the commitment to a document under its header: what stands on the chain as the grant's scope. */
export async function scopeOf(text, header, whole) {
  const content = utf8(text);
  const leaf = await sha256(
    [0x00, 0x01],
    unhexed(whole.salt),
    // The element without a pointer is the whole document, byte for byte.
    big(0, 2),
    big(content.length, 4),
    content,
  );
  const root = await rootOver(leaf, whole.index, whole.count, whole.path.map(unhexed));
  return sha256(headerBytes(header), big(whole.count, 4), root);
}

/** Return the commitment to who may read. */
export async function granteeOf(address, salt) {
  return sha256(GRANTEE, unhexed(salt), utf8(address));
}

function headerBytes(header) {
  return joined(
    [1],
    behindLength(DOMAIN),
    field(header.topic),
    field(header.resourceType),
    field(header.id),
    big(header.version, 8),
    field(header.author),
    // A consent is the first and only version of itself.
    [0],
  );
}

function field(text) {
  const encoded = utf8(text);
  if (encoded.length < 1) throw new RangeError("a header's field is not empty");
  return behindLength(encoded);
}

function behindLength(bytes) {
  return joined(big(bytes.length, 1), bytes);
}

/** Return the root above a leaf, as RFC 9162 (2.1.3.2) has it. */
async function rootOver(leaf, index, count, path) {
  if (index >= count) throw new RangeError("no such leaf");
  let [node, last, hash] = [index, count - 1, leaf];
  for (const beside of path) {
    if (last === 0) throw new RangeError("a path that is too long");
    if (node % 2 === 1 || node === last) {
      hash = await sha256([0x01], beside, hash);
      while (node % 2 === 0 && node !== 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = await sha256([0x01], hash, beside);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last !== 0) throw new RangeError("a path that is too short");
  return hash;
}
