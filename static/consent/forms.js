// The forms that a patient signs: typed data of EIP-712, as ConsentRegistry reads them (docs/formats/consent.md).

import { keccak_256 } from "../noble/sha3.js";
import { big, joined, sha256, unhexed, utf8 } from "./bytes.js";

const DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const TYPES = {
  Enrolment: "bytes32 patient,uint256 institution,bytes32[] signers,uint64 deadline",
  Grant: "bytes32 patient,bytes32 grantee,bytes32 scope,uint64 expiry,uint256 nonce,uint64 deadline",
  Revocation: "bytes32 patient,bytes32 grant",
  SignerAddition: "bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline",
  SignerRemoval: "bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline",
  Recovery: "bytes32 patient,uint256 institution,uint256 number,bytes32[] signers,uint64 deadline",
  Veto: "bytes32 patient,uint256 number",
};

export function keccak(...parts) {
  return keccak_256(joined(...parts));
}

/** Return what a passkey gets as its challenge: the digest of a form, for one registry on one chain. */
export function digestOf(name, values, { chainId, registry }) {
  const domain = keccak(
    keccak(utf8(DOMAIN)),
    keccak(utf8("ehrportal consent")),
    keccak(utf8("1")),
    big(chainId, 32),
    new Uint8Array(12),
    address(registry),
  );
  const fields = TYPES[name].split(",").map((field) => field.split(" "));
  const form = keccak(
    keccak(utf8(`${name}(${TYPES[name]})`)),
    ...fields.map(([kind, field]) => word(kind, values[field])),
  );
  return keccak([0x19, 0x01], domain, form);
}

/** Return a passkey as ERC-7913 writes it, for the page that we are on and for no other. */
export async function signerOf(publicKey, verifier) {
  return joined(
    address(verifier),
    publicKey,
    await sha256(utf8(location.hostname)),
    utf8(location.origin),
  );
}

function address(text) {
  const bytes = unhexed(text);
  if (bytes.length !== 20) throw new RangeError("no address");
  return bytes;
}

function word(kind, value) {
  if (kind === "bytes32[]") return keccak(...value.map((each) => word("bytes32", each)));
  if (kind === "uint64") return joined(new Uint8Array(24), big(value, 8));
  if (kind === "uint256") return big(value, 32);
  const bytes = typeof value === "string" ? unhexed(value) : value;
  if (bytes.length !== 32) throw new RangeError("no hash");
  return bytes;
}
