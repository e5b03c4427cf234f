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
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not JSON');
  return text;
}

/**
 * sha256 (hex) over the RFC 8785 text of {stream, version, tenant, type, life, data: sha256(data)}. The data is hashed apart so that it
 * can be redacted later without breaking the chain.
 * @param dataText the event's data as `canonicalJson` gives it
 */
export function eventDigest(event: DigestedEvent, dataText: string): string {
  const { stream, version, tenant, type, life } = event;
  const data = hash('sha256', dataText, 'hex');
  // RFC 8785 by hand, three times as fast: keys in order, strings as JSON.stringify has them.
  const text =
    `{"data":"${data}","life":${life},"stream":${JSON.stringify(stream)},"tenant":${JSON.stringify(tenant)},` +
    `"type":${JSON.stringify(type)},"version":${version}}`;
  return hash('sha256', text, 'hex');
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
