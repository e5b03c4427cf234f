import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../../docs/runbooks');
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.md'));
const pages = files.filter((name) => name !== 'README.md');
const SECTIONS = ['Impact', 'Immediate actions', 'Recovery', 'Prevention', 'Troubleshooting', 'Related'];

describe('the runbooks', () => {
  test.each(pages)('%s has a title, an introduction and the six sections in order', async (name) => {
    const text = await readFile(join(FOLDER, name), 'utf8');
    expect(text).toMatch(/^# .+\n\n[A-Z].+\n/);
    expect(text.match(/^## (.*)$/gm)).toEqual(SECTIONS.map((section) => `## ${section}`));
  });

  test.each(files)('every relative link of %s leads to a file', async (name) => {
    const text = await readFile(join(FOLDER, name), 'utf8');
    const targets = Array.from(text.matchAll(/\]\((?!https:)([^)#]+)/g), (match) => match[1] ?? '');
    expect(targets.filter((target) => !existsSync(join(FOLDER, target)))).toEqual([]);
  });

  test('the index lists every page', async () => {
    const index = await readFile(join(FOLDER, 'README.md'), 'utf8');
    expect(pages.filter((name) => !index.includes(`](${name})`))).toEqual([]);
  });
});
