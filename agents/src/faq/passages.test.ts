import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadPassages } from './passages.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faq-passages-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const load = (limits = { files: 10, bytes: 1_000 }) => loadPassages({ folder, linkBase: '../runbooks', limits });

describe('a folder of Markdown as passages', () => {
  test('files in subfolders are read, in the order of their paths', async () => {
    await write('b.md', '# B\n\nb\n');
    await write('a/z.md', '# Z\n\nz\n');
    await write('a.md', '# A\n\na\n');
    expect((await load()).map(({ source, text }) => [source, text])).toEqual([
      ['a.md', 'a'],
      ['a/z.md', 'z'],
      ['b.md', 'b'],
    ]);
  });

  test('a README, other kinds of files and links out of the folder are left out', async () => {
    await write('README.md', '# Index\n\nAll of them.\n');
    await write('notes.txt', 'text');
    await symlink('/etc/hostname', join(folder, 'link.md'));
    expect(await load()).toEqual([]);
  });

  test('too many files are refused, not read in part', async () => {
    await write('a.md', 'a');
    await write('b.md', 'b');
    await expect(load({ files: 1, bytes: 1_000 })).rejects.toMatchObject({
      code: 'FAQ_PASSAGES_TOO_LARGE',
      notRetryable: true,
    });
  });

  test('too many bytes are refused', async () => {
    await write('a.md', 'x'.repeat(600));
    await write('b.md', 'x'.repeat(600));
    await expect(load()).rejects.toMatchObject({ code: 'FAQ_PASSAGES_TOO_LARGE', notRetryable: true });
  });

  test('a missing folder is a coded, retryable error', async () => {
    await expect(loadPassages({ folder: join(folder, 'none'), linkBase: '.' })).rejects.toMatchObject({
      code: 'FAQ_PASSAGES_UNREADABLE',
      notRetryable: false,
    });
  });
});
