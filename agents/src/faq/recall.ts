/** Picks the passages that speak about a question, best first. Pure and deterministic: same input, same order. */
import MiniSearch from 'minisearch';
import type { SearchResult } from 'minisearch';
import { isRelated, isTroubleshooting } from './headings.ts';
import { isTelling, isUnspaced, termsOf } from './terms.ts';
import type { Passage } from './split-markdown.ts';

export const RECALL_LIMITS = {
  passages: 12,
  /** Distinct words of a question that are looked up; a longer one is judged by its first words. */
  terms: 64,
} as const;

/** Shorter words match only as they are: `post` would find Postgres, and any three letters find something. */
const PREFIX_FROM_LENGTH = 5;
const FUZZY_FROM_LENGTH = 5;

/**
 * At most `limit` passages, ranked with BM25 over heading path and text; those that merely share a word are left out. The
 * introduction, troubleshooting and links of the document that speaks most about the question come along, ranked last.
 */
export function recall(
  question: string,
  passages: readonly Passage[],
  limit: number = RECALL_LIMITS.passages,
): readonly Passage[] {
  // A list of links holds the titles of other subjects and would be found for all of them.
  const ranked = rank(
    question,
    passages.filter((passage) => !isRelated(lastHeading(passage))),
  ).slice(0, limit);
  const source = leadingSource(ranked);
  const companions = new Set(passages.filter((passage) => passage.source === source && isCompanion(passage)));
  const room = Math.max(0, limit - companions.size);
  const others = new Set(ranked.filter((passage) => !companions.has(passage)).slice(0, room));
  // What was ranked keeps its rank.
  const kept = ranked.filter((passage) => companions.has(passage) || others.has(passage));
  const added = [...companions].filter((passage) => !ranked.includes(passage)).sort((a, b) => a.order - b.order);
  return [...kept, ...added].slice(0, limit);
}

/** The file that speaks most about the question: its passages are many and stand in front. */
export function leadingSource(ranked: readonly Passage[]): string | undefined {
  const weights = new Map<string, number>();
  ranked.forEach(({ source }, index) => weights.set(source, (weights.get(source) ?? 0) + 1 / (index + 1)));
  return [...weights].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function isCompanion(passage: Passage): boolean {
  const heading = lastHeading(passage);
  return passage.path.length === 1 || (passage.path.length === 2 && (isTroubleshooting(heading) || isRelated(heading)));
}

function lastHeading({ path }: Passage): string {
  return path.at(-1) ?? '';
}

/** All passages that speak about the question, best first. */
export function rank(question: string, passages: readonly Passage[]): Passage[] {
  const terms = tellingTerms(question, passages);
  if (terms.length === 0) return [];

  const index = new MiniSearch<Passage>({
    idField: 'id',
    fields: ['title', 'text'],
    extractField: (passage, field) => (field === 'title' ? passage.path.join(' ') : passage[field as 'text']),
    tokenize: termsOf,
    processTerm: (term) => (isTelling(term) ? term : null),
    searchOptions: {
      // The terms are made already; what arrives is one of them per line.
      tokenize: (text) => text.split('\n'),
      boost: { title: 3 },
      prefix: (term) => term.length >= PREFIX_FROM_LENGTH && !isUnspaced(term),
      fuzzy: (term) => (term.length >= FUZZY_FROM_LENGTH && !isUnspaced(term) ? 0.2 : false),
    },
  });
  index.addAll(passages);

  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  return index
    .search(terms.join('\n'))
    .filter((result) => speaksAbout(result, terms.length))
    .sort((a, b) => b.score - a.score || (String(a.id) < String(b.id) ? -1 : 1))
    .flatMap((result) => byId.get(String(result.id)) ?? []);
}

function tellingTerms(question: string, passages: readonly Passage[]): string[] {
  // English passages hold no Chinese pair: counting those of a mixed question would hide what its English words find.
  const unspaced = passages.some((passage) => termsOf(passage.text).some(isUnspaced));
  const terms = termsOf(question).filter((term) => isTelling(term) && (unspaced || !isUnspaced(term)));
  return [...new Set(terms)].slice(0, RECALL_LIMITS.terms);
}

/** Half of the question's words are enough if a heading has one of them; otherwise it takes more than two thirds. */
function speaksAbout(result: SearchResult, termCount: number): boolean {
  const share = result.queryTerms.length / termCount;
  const inHeading = Object.values(result.match).some((fields) => fields.includes('title'));
  return inHeading ? share >= 0.5 : share > 2 / 3;
}
