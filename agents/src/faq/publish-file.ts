/**
 * Publishes a document as a file: `<outFolder>/faq/<slug>.md` and its line in `<outFolder>/FAQ.md`.
 *
 * Guarantees: readers never see half a file; the same question again replaces its own document and adds no second line;
 * another question never overwrites it, even if its slug is the same. Any number of processes may publish into one
 * folder without a lock: a name is taken with link(2), which fails where the name exists, and whoever renames the index
 * last finds every earlier document in the folder and adds what is missing. A crash leaves at most a hidden temporary
 * file, and an index line that the next publication adds.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AgentError } from '@morningai/sdk';
import { identityOf, questionOf } from './document.ts';
import { linkedPaths, withEntries } from './faq-index.ts';
import type { IndexEntry } from './faq-index.ts';
import { shortHash, slugOf } from './slug.ts';

export const PUBLISH_LIMITS = {
  documents: 10_000,
  /** Times the index is written again because somebody else wrote it meanwhile. */
  indexRounds: 100,
} as const;

export type FilePublication = {
  readonly outFolder: string;
  readonly question: string;
  /** With its metadata: that is what tells this question's document from another's. */
  readonly document: string;
};

/** Writes or replaces the question's document and returns its path. Doing it twice is the same as doing it once. */
export async function publishFile({ outFolder, question, document }: FilePublication): Promise<string> {
  const folder = join(outFolder, 'faq');
  await mkdir(folder, { recursive: true });
  const slug = slugOf(question);
  for (const name of [slug, `${slug}-${shortHash(identityOf(document) ?? document)}`]) {
    const path = join(folder, `${name}.md`);
    if (await place(path, document)) {
      await completeIndex(outFolder);
      return path;
    }
  }
  throw new AgentError('FAQ_NAME_TAKEN', `both names for this question are taken in ${folder}`, { notRetryable: true });
}

/** False if the path holds another question's document. */
async function place(path: string, document: string): Promise<boolean> {
  const temporary = await writeTemporary(path, document);
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    const owner = identityOf(await readFile(path, 'utf8'));
    if (owner === null || owner !== identityOf(document)) return false;
    await rename(temporary, path);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Until every document in the folder has its line. The check after each write is what makes a lock needless. */
async function completeIndex(outFolder: string): Promise<void> {
  const path = join(outFolder, 'FAQ.md');
  for (let round = 0; round < PUBLISH_LIMITS.indexRounds; round++) {
    const index = await readIfThere(path);
    const missing = await entriesMissing(outFolder, index ?? '');
    if (missing.length === 0) return;
    const temporary = await writeTemporary(path, withEntries(index, missing));
    await rename(temporary, path);
  }
  throw new AgentError('FAQ_INDEX_BUSY', `${path} was written by others ${PUBLISH_LIMITS.indexRounds} times`);
}

async function entriesMissing(outFolder: string, index: string): Promise<IndexEntry[]> {
  const names = (await readdir(join(outFolder, 'faq'))).filter((name) => /^[^.].*\.md$/.test(name)).sort();
  if (names.length > PUBLISH_LIMITS.documents) {
    const message = `${outFolder} has ${names.length} documents; the limit is ${PUBLISH_LIMITS.documents}`;
    throw new AgentError('FAQ_FOLDER_FULL', message, { notRetryable: true });
  }
  const linked = linkedPaths(index);
  const missing = names.map((name) => `faq/${name}`).filter((path) => !linked.has(path));
  return Promise.all(
    missing.map(async (path) => ({
      path,
      question: questionOf(await readFile(join(outFolder, path), 'utf8')) ?? path,
    })),
  );
}

async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
