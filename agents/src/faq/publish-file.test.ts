import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assembleDocument } from './document.ts';
import { publishFile } from './publish-file.ts';

let outFolder: string;
beforeEach(async () => {
  outFolder = await mkdtemp(join(tmpdir(), 'faq-out-'));
});
afterEach(() => rm(outFolder, { recursive: true }));

function documentFor(question: string, { markdown = 'Text.', repository = 'RC918/morningai' } = {}): string {
  return assembleDocument({ title: 'T', markdown, question, traceId: 'id', model: 'offline-extractive', repository });
}

const publish = (question: string, options?: { markdown?: string; repository?: string }) =>
  publishFile({ outFolder, question, document: documentFor(question, options) });
const index = () => readFile(join(outFolder, 'FAQ.md'), 'utf8');
const files = async () => (await readdir(join(outFolder, 'faq'))).toSorted();

describe('publishing to a file', () => {
  test('the document and its line in the index are written', async () => {
    const path = await publish('What is Phase 10?');
    expect(path).toBe(join(outFolder, 'faq', 'what-is-phase-10.md'));
    expect(await readFile(path, 'utf8')).toBe(documentFor('What is Phase 10?'));
    expect(await index()).toContain('\n- [What is Phase 10?](faq/what-is-phase-10.md)\n');
  });

  test('the same question again replaces its document and adds no line', async () => {
    const first = await publish('What?');
    const before = await index();
    expect(await publish('What?', { markdown: 'Newer.' })).toBe(first);
    expect(await readFile(first, 'utf8')).toContain('Newer.');
    expect(await index()).toBe(before);
    expect(await files()).toEqual(['what.md']);
  });

  test('another question with the same slug gets a name of its own, and keeps it', async () => {
    const first = await publish('Is it up?');
    const second = await publish('Is it up!');
    expect(second).toMatch(/faq\/is-it-up-[0-9a-f]{12}\.md$/);
    expect(await publish('Is it up!')).toBe(second);
    expect(await publish('Is it up?')).toBe(first);
    expect(await readFile(first, 'utf8')).toBe(documentFor('Is it up?'));
    expect((await index()).match(/\]\(faq\//g)).toHaveLength(2);
  });

  test('the same question about another repository does not overwrite it', async () => {
    const first = await publish('What?');
    const other = await publish('What?', { repository: 'RC918/other' });
    const third = await publish('What?', { repository: 'RC918/third' });
    expect(new Set([first, other, third]).size).toBe(3);
    expect(await readFile(first, 'utf8')).toBe(documentFor('What?'));
  });

  test('a file that somebody wrote by hand is left alone', async () => {
    await mkdir(join(outFolder, 'faq'));
    await writeFile(join(outFolder, 'faq', 'what.md'), '# By hand\n');
    expect(await publish('What?')).toMatch(/what-[0-9a-f]{12}\.md$/);
    expect(await readFile(join(outFolder, 'faq', 'what.md'), 'utf8')).toBe('# By hand\n');
  });

  test('other entries and texts of the index stay', async () => {
    await writeFile(join(outFolder, 'FAQ.md'), '# Ours\n\n- [Old](faq/old.md)\n\nWritten by hand.\n');
    await publish('What?');
    expect(await index()).toBe('# Ours\n\n- [Old](faq/old.md)\n- [What?](faq/what.md)\n\nWritten by hand.\n');
  });

  test('a crash before the index leaves a line that the next publication adds', async () => {
    await publish('What?');
    await writeFile(join(outFolder, 'FAQ.md'), '# FAQ\n');
    await publish('Why?');
    expect(await index()).toBe('# FAQ\n\n- [What?](faq/what.md)\n- [Why?](faq/why.md)\n');
  });

  test('forty at once: every document and every line is there, once, and no temporary file', async () => {
    const questions = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? `Question ${n}` : `Same${'?'.repeat(n)}`));
    const paths = await Promise.all(questions.map((question) => publish(question)));
    expect(new Set(paths).size).toBe(40);
    for (const [n, path] of paths.entries()) {
      expect(await readFile(path, 'utf8')).toBe(documentFor(questions[n] ?? ''));
    }
    expect(await files()).toHaveLength(40);
    expect((await index()).match(/\]\(faq\//g)).toHaveLength(40);
    expect((await readdir(outFolder)).toSorted()).toEqual(['FAQ.md', 'faq']);
  });

  test('a Chinese question and one of signs get usable names', async () => {
    expect(await publish('如何分析錯誤日誌？')).toBe(join(outFolder, 'faq', '如何分析錯誤日誌.md'));
    expect(await publish('???')).toMatch(/faq\/question-[0-9a-f]{12}\.md$/);
    expect(await index()).toContain('- [如何分析錯誤日誌？](faq/如何分析錯誤日誌.md)\n');
  });
});
