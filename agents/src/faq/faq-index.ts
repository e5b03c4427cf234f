/** FAQ.md: one line per document, whatever else people wrote around them. Pure. */

export const INDEX_LIMITS = {
  /** Characters of a question as shown in its line. */
  questionLength: 160,
} as const;

export type IndexEntry = {
  /** As in the metadata: one line, harmless in Markdown. */
  readonly question: string;
  /** Relative to FAQ.md: `faq/<slug>.md`. */
  readonly path: string;
};

const NEW_INDEX = '# FAQ\n\nQuestions and their documents, one line each.\n';

/** The index with these entries added after the last one. What stands there stays as it is. */
export function withEntries(index: string | null, entries: readonly IndexEntry[]): string {
  const lines = (index ?? NEW_INDEX).trimEnd().split('\n');
  const added = entries.map(({ question, path }) => `- [${shortened(question)}](${path})`);
  const last = lines.findLastIndex((line) => line.startsWith('- [') && line.includes('](faq/'));
  // After the last entry, or as a new list with a blank line before it.
  if (last >= 0) lines.splice(last + 1, 0, ...added);
  else lines.push('', ...added);
  return `${lines.join('\n')}\n`;
}

/** The documents that the index links to, as `faq/<slug>.md`. */
export function linkedPaths(index: string): Set<string> {
  return new Set(Array.from(index.matchAll(/\]\((faq\/[^)\s]+)\)/g), (match) => match[1] ?? ''));
}

function shortened(question: string): string {
  const characters = Array.from(question);
  if (characters.length <= INDEX_LIMITS.questionLength) return question;
  // The cut may leave half of an escape behind.
  const cut = characters.slice(0, INDEX_LIMITS.questionLength).join('').replace(/\\+$/, '');
  return `${cut.trimEnd()}…`;
}
