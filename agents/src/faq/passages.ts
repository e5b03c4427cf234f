/**
 * Reads a folder of Markdown files as passages: one per heading, code blocks kept. The folder is bounded, and a folder
 * over a limit is refused rather than read in part: a document drafted from half of the runbooks would look complete.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import { AgentError } from '@morningai/sdk';
import { splitMarkdown } from './split-markdown.ts';
import type { Passage } from './split-markdown.ts';

export const PASSAGE_LIMITS = {
  files: 500,
  /** Of all files together. */
  bytes: 4 * 1024 * 1024,
} as const;

export type PassageFolder = {
  readonly folder: string;
  /** The folder's address as seen from the drafted document, for links: `../runbooks`, or a URL. */
  readonly linkBase: string;
  readonly limits?: { readonly files: number; readonly bytes: number };
};

/** All passages in the order of their files' paths. A README only lists the others, so it is left out. */
export async function loadPassages({ folder, linkBase, limits = PASSAGE_LIMITS }: PassageFolder): Promise<Passage[]> {
  const files = await listMarkdown(folder);
  if (files.length > limits.files) {
    throw tooLarge(`${folder} has ${files.length} Markdown files; the limit is ${limits.files}`);
  }
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > limits.bytes) throw tooLarge(`${folder} has ${bytes} bytes of Markdown; the limit is ${limits.bytes}`);

  const passages: Passage[] = [];
  for (const file of files) {
    const source = relative(folder, file).split(sep).join(posix.sep);
    passages.push(...splitMarkdown(await readFile(file, 'utf8'), { source, linkBase }));
  }
  return passages;
}

async function listMarkdown(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new AgentError('FAQ_PASSAGES_UNREADABLE', `cannot read the folder ${folder}`, { cause });
  });
  // A symbolic link is not a file here: it could lead out of the folder.
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && entry.name !== 'README.md')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function tooLarge(message: string): AgentError {
  return new AgentError('FAQ_PASSAGES_TOO_LARGE', message, { notRetryable: true });
}
