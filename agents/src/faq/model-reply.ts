/** A model's Markdown as a draft. Pure. */
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString } from 'mdast-util-to-string';
import { blocksOf } from './block-structure.ts';
import type { Draft } from './drafter.ts';

export const REPLY_LIMITS = {
  /** Characters; more would be refused by the check anyway. */
  length: 256 * 1024,
  /** Characters of the title's line. */
  titleLength: 300,
} as const;

/** Title and body of the reply, or null if it does not start with a title or is over a limit. */
export function draftFromReply(reply: string): Draft | null {
  if (reply.length > REPLY_LIMITS.length) return null;
  const text = withoutFence(reply.replace(/\r\n?/g, '\n').trim());
  const [first] = blocksOf(text) ?? [];
  if (first?.type !== 'heading' || first.depth !== 1) return null;
  const end = first.position?.end.offset ?? 0;
  if (end > REPLY_LIMITS.titleLength) return null;
  return { title: toString(fromMarkdown(text.slice(0, end))), markdown: text.slice(end).trim() };
}

/** Many models wrap a document they were asked to write in Markdown into a code block of that language. */
function withoutFence(text: string): string {
  if (!/^(?:`{3}|~{3})/.test(text)) return text;
  const [only, ...others] = blocksOf(text) ?? [];
  const isWrapped = only?.type === 'code' && others.length === 0 && /^(md|markdown)?$/i.test(only.lang ?? '');
  return isWrapped ? only.value.trim() : text;
}
