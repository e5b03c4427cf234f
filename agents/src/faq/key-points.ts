/** The few sentences that speak to the question itself, taken from the passages as they stand. Pure. */
import { fromMarkdown } from 'mdast-util-from-markdown';
import type { RootContent } from 'mdast';
import { rank } from './recall.ts';
import { isTelling, isUnspaced, termsOf } from './terms.ts';
import type { Passage } from './split-markdown.ts';

export const KEY_POINT_LIMITS = { points: 3, unknownWords: 5 } as const;

/** Paragraphs and first paragraphs of list items with nearly every word of the question, best first. */
export function keyPoints(question: string, passages: readonly Passage[]): string[] {
  // An introduction is no key point: it is shown whole.
  const sections = passages.filter(({ path }) => path.length > 1);
  const points = sections.flatMap((passage) =>
    paragraphsOf(passage.text).map((text, order) => ({ ...passage, id: `${passage.id}/${order}`, path: [], text })),
  );
  return rank(question, points)
    .slice(0, KEY_POINT_LIMITS.points)
    .map(({ text }) => text);
}

/** Words of the question that stand in none of the passages: what an honest answer from them cannot cover. */
export function unknownWords(question: string, passages: readonly Passage[]): string[] {
  const known = new Set(passages.flatMap(({ path, text }) => termsOf(`${path.join(' ')} ${text}`)));
  const unknown = termsOf(question).filter((term) => isTelling(term) && !isUnspaced(term) && !known.has(term));
  return [...new Set(unknown)].slice(0, KEY_POINT_LIMITS.unknownWords);
}

function paragraphsOf(text: string): string[] {
  const leading = (block: RootContent): RootContent[] => {
    if (block.type === 'list') return block.children.flatMap(({ children }) => children.slice(0, 1));
    return [block];
  };
  return fromMarkdown(text)
    .children.flatMap(leading)
    .filter((block) => block.type === 'paragraph')
    .map(({ position }) => text.slice(position?.start.offset, position?.end.offset).replace(/\s*\n\s*/g, ' '));
}
