/**
 * A tiny graph, `MatMulInteger(a, w)`: `a` uint8 [8, 64], `w` int8 [64, 64] of 127. It is the same
 * that the CPython host probes processors with.
 */

const BASE64 =
  "CAo6gwEKEQoBYwoBcxIBdyIGRXhwYW5kChgKAWEKAXcSAXkiDU1hdE11bEludGVnZXISBXByb2JlKggQA0IB" +
  "Y0oBfyoZCAIQB0IBc0oQQAAAAAAAAABAAAAAAAAAAFoTCgFhEg4KDAgCEggKAggICgIIQGITCgF5Eg4KDAgG" +
  "EggKAggICgIIQEIECgAQEg==";

/** The graph's bytes. */
export function probeGraph(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(BASE64), (character) => character.charCodeAt(0));
}

/** The shape of `a`, and what every product must be when `a` is 255 everywhere. */
export const PROBE = { rows: 8, columns: 64, product: 64 * 255 * 127 } as const;
