/** File names for questions. Pure. */
import { createHash } from 'node:crypto';
import { slug as githubSlug } from 'github-slugger';

export const SLUG_LIMITS = {
  /** UTF-8 bytes; file systems allow 255 for a whole name. */
  bytes: 100,
} as const;

/** The question as GitHub would write it in an anchor; Chinese stays Chinese. A question of signs alone gets a hash. */
export function slugOf(question: string): string {
  const words = githubSlug(question.normalize('NFKC').trim().replace(/\s+/g, ' '));
  const short = upTo(SLUG_LIMITS.bytes, words.replace(/-+/g, '-')).replace(/^-|-$/g, '');
  return short === '' ? `question-${shortHash(question)}` : short;
}

/** Tells two documents apart whose slugs are the same: 12 hex digits. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function upTo(bytes: number, text: string): string {
  let result = '';
  for (const character of text) {
    if (Buffer.byteLength(result + character) > bytes) break;
    result += character;
  }
  return result;
}
