// Bytes, and how they are written: hexadecimal digits, base64 as WebAuthn has it, numbers of many bytes.

const encoder = new TextEncoder();

export function utf8(text) {
  return encoder.encode(text);
}

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function unhexed(text) {
  const digits = text.replace(/^0x/, "");
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new TypeError("not hexadecimal");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function hexed(bytes) {
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return a number in as many bytes, the highest first. */
export function big(number, size) {
  const value = BigInt(number);
  if (value < 0n || value >= 1n << BigInt(8 * size)) throw new RangeError(`no number of ${size} bytes`);
  return unhexed(value.toString(16).padStart(2 * size, "0"));
}

export function websafe(buffer) {
  const text = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function unwebsafe(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}
