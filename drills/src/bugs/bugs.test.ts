import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBuggedTree, patchText, SOURCE_ROOT } from './bugged-tree.ts';
import { BUGS } from './catalog.ts';

test('every bug has a name of its own', () => {
  expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
});

test.each(BUGS.map((bug) => [bug.name, bug] as const))(
  '%s still fits the product, and loads',
  async (_, { patches }) => {
    const texts = new Map<string, string>();
    for (const patch of patches) {
      const before = texts.get(patch.file) ?? (await readFile(join(SOURCE_ROOT, patch.file), 'utf8'));
      const after = patchText(before, patch);
      expect(after).not.toBe(before);
      texts.set(patch.file, after);
    }
    // As Node does when it loads the file: it throws at what is no TypeScript.
    for (const [file, text] of texts) if (file.endsWith('.ts')) stripTypeScriptTypes(text);
  },
);

test('a patch that fits nowhere, or twice, is refused', () => {
  const patch = { file: 'a.ts', find: 'x', replace: 'y' };
  expect(patchText('1 x 2', patch)).toBe('1 y 2');
  expect(() => patchText('1 2', patch)).toThrow('a.ts has 0 times');
  expect(() => patchText('x x', patch)).toThrow('a.ts has 2 times');
});

test('a copy of the tree has the bug, the tree itself has not, and nothing stays of the copy', async () => {
  const [bug] = BUGS;
  const [patch] = bug?.patches ?? [];
  if (patch === undefined) throw new Error('there are no bugs');
  const before = await readFile(join(SOURCE_ROOT, patch.file), 'utf8');
  const tree = await openBuggedTree([patch]);
  expect(await readFile(join(tree.root, patch.file), 'utf8')).toBe(patchText(before, patch));
  expect(await readFile(join(SOURCE_ROOT, patch.file), 'utf8')).toBe(before);
  await tree[Symbol.asyncDispose]();
  await expect(readFile(join(tree.root, patch.file))).rejects.toThrow('ENOENT');
});
