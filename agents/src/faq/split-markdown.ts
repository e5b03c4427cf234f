/** Splits one Markdown text into passages, one per heading. Pure. */
import { posix } from 'node:path';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString } from 'mdast-util-to-string';
import type { Nodes, RootContent } from 'mdast';

export const SPLIT_LIMITS = {
  /** Characters of one passage. What is over it is cut at a block, and the passage says so. */
  passageLength: 8_000,
} as const;

export type Passage = {
  /** `<source>#<order>` */
  readonly id: string;
  /** The file, relative to its folder, with forward slashes. */
  readonly source: string;
  /** The file's address as seen from the drafted document. */
  readonly link: string;
  /** The place among the passages of its file, from 0. */
  readonly order: number;
  /** The headings above and including its own; the first is the file's title. */
  readonly path: readonly string[];
  /** The Markdown under the heading, without the heading. */
  readonly text: string;
};

/** One passage per heading that has something under it. Relative links are rewritten to start at `linkBase`, a path or a URL. */
export function splitMarkdown(markdown: string, at: { source: string; linkBase: string }): Passage[] {
  const text = withoutFrontMatter(markdown.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n'));
  const link = addressOf(at.linkBase, at.source);
  const rewrite = (url: string) =>
    url.startsWith('#') ? link + url : addressOf(at.linkBase, posix.join(posix.dirname(at.source), url));

  const passages: Passage[] = [];
  for (const { path, blocks } of sectionsOf(fromMarkdown(text).children, at.source)) {
    if (blocks.length === 0) continue;
    const order = passages.length;
    passages.push({
      id: `${at.source}#${order}`,
      source: at.source,
      link,
      order,
      path,
      text: bounded(blocks.map((block) => withLinks(text, block, rewrite))),
    });
  }
  return passages;
}

function addressOf(base: string, path: string): string {
  return /^https?:/.test(base) ? new URL(path, `${base.replace(/\/$/, '')}/`).href : posix.join(base, path);
}

type Section = { path: readonly string[]; blocks: RootContent[] };

function sectionsOf(blocks: readonly RootContent[], source: string): Section[] {
  let current: Section = { path: [source], blocks: [] };
  const sections = [current];
  let headings: { depth: number; title: string }[] = [];
  for (const block of blocks) {
    if (block.type !== 'heading') {
      current.blocks.push(block);
      continue;
    }
    headings = [...headings.filter(({ depth }) => depth < block.depth), { depth: block.depth, title: toString(block) }];
    // A file without a title of its own goes by its name.
    const title = headings[0]?.depth === 1 ? [] : [source];
    current = { path: [...title, ...headings.map((heading) => heading.title)], blocks: [] };
    sections.push(current);
  }
  return sections;
}

/** The block's source with its relative links rewritten; all else as it was written. */
function withLinks(text: string, block: RootContent, rewrite: (url: string) => string): string {
  const start = offsets(block).start;
  let result = text.slice(start, offsets(block).end);
  // From the back, so that what was changed does not move what is still to change.
  for (const node of linksIn(block).toReversed()) {
    if (!('url' in node) || !isRelative(node.url)) continue;
    const { start: from, end: to } = offsets(node);
    const written = result.slice(from - start, to - start);
    const at = written.lastIndexOf(node.url);
    if (at < 0) continue;
    const rewritten = written.slice(0, at) + rewrite(node.url) + written.slice(at + node.url.length);
    result = result.slice(0, from - start) + rewritten + result.slice(to - start);
  }
  return result;
}

function linksIn(node: Nodes): Nodes[] {
  if (node.type === 'link' || node.type === 'image' || node.type === 'definition') return [node];
  return 'children' in node ? node.children.flatMap(linksIn) : [];
}

function isRelative(url: string): boolean {
  return url !== '' && !url.startsWith('/') && !/^[a-z][a-z0-9+.-]*:/i.test(url);
}

function bounded(blocks: readonly string[]): string {
  const kept: string[] = [];
  let length = 0;
  for (const block of blocks) {
    length += block.length;
    if (length > SPLIT_LIMITS.passageLength)
      return [...kept, '(The rest of this section is in the source.)'].join('\n\n');
    kept.push(block);
  }
  return kept.join('\n\n');
}

function offsets(node: Nodes): { start: number; end: number } {
  return { start: node.position?.start.offset ?? 0, end: node.position?.end.offset ?? 0 };
}

function withoutFrontMatter(text: string): string {
  return text.replace(/^---\n[\s\S]*?\n---\n/, '');
}
