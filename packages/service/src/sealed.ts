/**
 * Keeps a secret where others may look: whoever has the API key, as every service has, opens it. Sealed twice it looks different each time; a
 * fingerprint is always the same, so two secrets can be compared without being opened.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = '1';

/** What is sealed for one purpose does not open for another. */
export const SEALED_FOR = { redisUrl: 'redis-url' } as const;

/** @param purpose one of `SEALED_FOR` */
export function seal(text: string, apiKey: string, purpose: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(apiKey, purpose, 'seal'), nonce);
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${VERSION}.${sealed.toString('base64url')}`;
}

/** @returns null: another key has sealed it, or it was changed */
export function unseal(sealed: string, apiKey: string, purpose: string): string | null {
  const [version, body = ''] = sealed.split('.');
  const bytes = Buffer.from(body, 'base64url');
  if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const opener = createDecipheriv(CIPHER, keyOf(apiKey, purpose, 'seal'), bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  opener.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const opened = [opener.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), opener.final()];
    return Buffer.concat(opened).toString('utf8');
  } catch {
    // The tag does not fit: that is what the answer says.
    return null;
  }
}

export function fingerprint(text: string, apiKey: string, purpose: string): string {
  return createHmac('sha256', keyOf(apiKey, purpose, 'fingerprint'))
    .update(text)
    .digest('hex');
}

function keyOf(apiKey: string, purpose: string, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', apiKey, '', `morningai ${purpose} ${use}`, KEY_BYTES));
}
