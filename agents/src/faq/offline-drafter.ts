/**
 * Drafts without a language model: it arranges what the runbooks say and adds nothing of its own. The document is one
 * runbook, the one that speaks most about the question, in the order of a FAQ: explanation, sections, related links,
 * troubleshooting. Where nothing was recalled, the document says so and names what was searched.
 */
import { isRelated, isTroubleshooting } from './headings.ts';
import { keyPoints, unknownWords } from './key-points.ts';
import { asMarkdownLine } from './markdown-line.ts';
import { leadingSource } from './recall.ts';
import { isTelling, termsOf } from './terms.ts';
import type { Draft, Drafter, DraftRequest } from './drafter.ts';
import type { Passage } from './split-markdown.ts';

export const OFFLINE_MODEL = 'offline-extractive';

/** The drafter for when no model is configured. */
export function createOfflineDrafter(): Drafter {
  return {
    model: OFFLINE_MODEL,
    draft: (request) => Promise.resolve(composeDraft(request)),
  };
}

/** The pure part: same request, same draft. */
export function composeDraft(request: Omit<DraftRequest, 'signal'>): Draft {
  const main = mainDocument(request.passages);
  return main === null ? nothingFound(request) : arranged(request, main);
}

type MainDocument = readonly [Passage, ...Passage[]];
type Section = { readonly heading: string; readonly markdown: string };

/** All recalled passages, in their order, of the document that speaks most about the question. */
function mainDocument(passages: readonly Passage[]): MainDocument | null {
  const source = leadingSource(passages);
  const [first, ...rest] = passages.filter((passage) => passage.source === source).sort((a, b) => a.order - b.order);
  return first === undefined ? null : [first, ...rest];
}

function arranged({ question, passages }: Omit<DraftRequest, 'signal'>, main: MainDocument): Draft {
  const sections = sectionsOf(main);
  const points = keyPoints(question, passages);
  const blocks = [
    ...explanation(question, passages, main, points),
    ...focused(question, sections.filter(isBody)).map(print),
    print({ heading: 'Related', markdown: related(passages, main, sections) }),
    print({ heading: 'Troubleshooting', markdown: troubleshooting(main, sections) }),
  ];
  // A question with an answer of its own makes the better title; a general one is named by its runbook.
  const title = points.length > 0 ? shortened(question) : titleOf(main[0]);
  return { title, markdown: blocks.join('\n\n') };
}

function explanation(question: string, passages: readonly Passage[], main: MainDocument, points: readonly string[]) {
  const introduction = main.filter(({ path }) => path.length === 1).map(({ text }) => text);
  const unknown = unknownWords(question, passages).map((word) => `"${asMarkdownLine(word)}"`);
  return [
    ...(points.length > 0 ? ['In short:', points.map((point) => `- ${point}`).join('\n')] : []),
    ...(points.length > 0 || introduction.length === 0 ? [`From the runbook ${linkTo(main[0])}:`] : []),
    ...introduction,
    ...(unknown.length > 0 ? [`Not covered: the runbooks found here do not mention ${unknown.join(', ')}.`] : []),
  ];
}

/** One section per second heading; deeper headings stay inside it. */
function sectionsOf(passages: readonly Passage[]): Section[] {
  const sections = new Map<string, string[]>();
  for (const { path, text } of passages) {
    const [, heading, ...deeper] = path;
    if (heading === undefined) continue;
    const parts = sections.get(heading) ?? [];
    sections.set(heading, [...parts, ...deeper.slice(-1).map((name) => `### ${name}`), text]);
  }
  return Array.from(sections, ([heading, parts]) => ({ heading, markdown: parts.join('\n\n') }));
}

/** The sections the question names ("how do I prevent …"); all of them when it names none. */
function focused(question: string, sections: readonly Section[]): readonly Section[] {
  const asked = new Set(termsOf(question).filter(isTelling).map(stem));
  const named = sections.filter(({ heading }) => termsOf(heading).some((word) => asked.has(stem(word))));
  return named.length > 0 ? named : sections;
}

/** Enough of a stem to see "prevent" in "Prevention" and "recover" in "Recovery". */
const STEM_LENGTH = 6;

function stem(term: string): string {
  return term.slice(0, STEM_LENGTH);
}

function isBody({ heading }: Section): boolean {
  return !isRelated(heading) && !isTroubleshooting(heading);
}

/** The runbook's own links, or else those to what was recalled beside it; then where the text comes from. */
function related(passages: readonly Passage[], main: MainDocument, sections: readonly Section[]): string {
  const own = sections.filter(({ heading }) => isRelated(heading)).map(({ markdown }) => markdown);
  const beside = new Set(passages.filter(({ link }) => link !== main[0].link).map((passage) => `- ${linkTo(passage)}`));
  const links = own.length > 0 || beside.size === 0 ? own : [[...beside].join('\n')];
  return [...links, `Source: the runbook ${linkTo(main[0])}, arranged without a language model.`].join('\n\n');
}

function troubleshooting(main: MainDocument, sections: readonly Section[]): string {
  const own = sections.filter(({ heading }) => isTroubleshooting(heading)).map(({ markdown }) => markdown);
  return own.join('\n\n') || `The passages found have no troubleshooting of their own. Start with ${linkTo(main[0])}.`;
}

function nothingFound({ question, searched }: Omit<DraftRequest, 'signal'>): Draft {
  const files = searched.map((source) => `- \`${source}\``).join('\n');
  const markdown = `The runbooks have no passage about this question, so there is no answer here yet. Nothing was made up to fill the page.

## What was searched

${files || 'Nothing: the folder of runbooks has no Markdown files.'}

## Troubleshooting

- **The answer should be there.** Ask again with the words that the runbooks use: the name of the component and what it does, such as "Redis outage" or "worker heartbeat".
- **No runbook covers it yet.** Write one, with a heading for each thing a reader may look for, and submit the question again.
- **The question needs an explanation in new words.** Set \`OPENAI_API_KEY\` and \`OPENAI_MODEL\`: a model then drafts the document. Without them, documents are arranged from the runbooks only.`;
  return { title: `No answer yet: ${shortened(question)}`, markdown };
}

const TITLE_LENGTH = 120;

function shortened(question: string): string {
  const characters = Array.from(question.replace(/\s+/g, ' '));
  return characters.length <= TITLE_LENGTH ? characters.join('') : `${characters.slice(0, TITLE_LENGTH).join('')}…`;
}

function titleOf({ path, source }: Passage): string {
  return path[0] ?? source;
}

function linkTo(passage: Passage): string {
  return `[${asMarkdownLine(titleOf(passage))}](${passage.link})`;
}

function print({ heading, markdown }: Section): string {
  return `## ${heading}\n\n${markdown}`;
}
