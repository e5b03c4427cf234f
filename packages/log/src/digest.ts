import { createHash, hash } from 'node:crypto';
import canonicalize from 'canonicalize';

export type DigestedEvent = {
  readonly stream: string;
  readonly version: number;
  readonly tenant: string;
  readonly type: string;
  readonly life: number;
};

/**
 * RFC 8785 text: the form in which the log stores and hashes data.
 * @throws what is not JSON: undefined, NaN, a bigint, a lone surrogate, a cycle
 */
export function canonicalJson(value: unknown): string {
  const text = isInOrder(value) ? JSON.stringify(value) : undefined;
  // An escaped surrogate is a lone one, or a text that looks like it: the library tells them apart.
  if (text !== undefined && !text.includes('\\ud')) return text;
  const canonical = canonicalize(value);
  if (canonical === undefined) throw new TypeError('not JSON');
  return canonical;
}

/** So deep this function looks, for it calls itself. */
const ORDERED_DEPTH = 32;

/**
 * True if `JSON.stringify` writes RFC 8785: plain JSON with its keys in order. Most of what is stored was built so, and the library
 * takes six times as long.
 */
function isInOrder(value: unknown, depth = 1): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth > ORDERED_DEPTH) return false;
  if (Array.isArray(value)) return value.every((element) => isInOrder(element, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  const object = value as Record<string, unknown>;
  let before: string | undefined;
  for (const key of Object.keys(object)) {
    if (key === 'toJSON' || (before !== undefined && key <= before)) return false;
    if (!isInOrder(object[key], depth + 1)) return false;
    before = key;
  }
  return true;
}

/**
 * sha256 over the RFC 8785 text of {stream, version, tenant, type, life, data: sha256(data)}. The data is hashed apart so that it
 * can be redacted later without breaking the chain.
 * @param dataText the event's data as `canonicalJson` gives it
 * @param encoding binary: one character per byte
 */
export function eventDigest(event: DigestedEvent, dataText: string, encoding: 'hex' | 'binary' = 'hex'): string {
  const { stream, version, tenant, type, life } = event;
  const data = hash('sha256', dataText, 'hex');
  // RFC 8785 by hand, three times as fast: keys in order, strings as JSON.stringify has them.
  const text =
    `{"data":"${data}","life":${life},"stream":${JSON.stringify(stream)},"tenant":${JSON.stringify(tenant)},` +
    `"type":${JSON.stringify(type)},"version":${version}}`;
  return hash('sha256', text, encoding);
}

/**
 * sha256(previous chain ‖ first position ‖ recorded_at ‖ digests), the numbers as 8 bytes, big-endian. All digests are hex.
 * @param previous empty for the first commit
 */
export function chainDigest(
  previous: string,
  commit: { readonly firstPosition: number; readonly recordedAtMicros: number },
  digests: readonly string[],
): string {
  const numbers = Buffer.alloc(16);
  numbers.writeBigInt64BE(BigInt(commit.firstPosition), 0);
  numbers.writeBigInt64BE(BigInt(commit.recordedAtMicros), 8);
  return createHash('sha256').update(previous, 'hex').update(numbers).update(digests.join(''), 'hex').digest('hex');
}
