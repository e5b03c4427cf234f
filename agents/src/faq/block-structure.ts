/**
 * The block structure of Markdown that a model wrote: headings, paragraphs, code, lists. Pure. Full parsing takes minutes for
 * some texts of 150 KiB ("*a*a*a…", "> > >…", thousands of underlined headings), and a worker that computes for so long
 * loses its lease. So what stands inside a line is not parsed, a heading is what starts with "#", and deep nesting is
 * refused before.
 */
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString } from 'mdast-util-to-string';
import type { RootContent } from 'mdast';

export const STRUCTURE_LIMITS = {
  /** Quotes and lists inside one another. */
  depth: 32,
} as const;

/** A line that opens more quotes and lists than the limit. Markers cannot overlap, so the match takes linear time. */
const TOO_DEEP = new RegExp(
  `^(?:[ \\t]*>|[ \\t]*(?:[*+-]|\\d{1,9}[.)])(?=[ \\t])){${STRUCTURE_LIMITS.depth + 1}}`,
  'm',
);

const COSTLY = [
  'attention',
  'autolink',
  'codeText',
  'hardBreakEscape',
  'htmlText',
  'labelEnd',
  'labelStartImage',
  'labelStartLink',
  'setextUnderline',
];

/** The blocks in order, or null for a text that is nested too deep. Their inline content is plain text. */
export function blocksOf(markdown: string): RootContent[] | null {
  if (TOO_DEEP.test(markdown)) return null;
  return fromMarkdown(markdown, { extensions: [{ disable: { null: COSTLY } }] }).children;
}

/** True if a reader sees something in the block. */
export function hasText(block: RootContent): boolean {
  return toString(block).trim() !== '';
}
