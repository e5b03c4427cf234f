/**
 * A copy of this source tree with a bug in it, in a folder of its own: what is started from there has the bug, and the product has no switch
 * for it. Packages of others are not copied, but found where they are.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Patch } from './bug.ts';

export type BuggedTree = AsyncDisposable & { readonly root: string };

export const SOURCE_ROOT = new URL('../../..', import.meta.url).pathname;

const NOT_COPIED: ReadonlySet<string> = new Set(['.git', '.morningai', 'docs', 'console']);

/** @throws when a patch does not fit: the bug is out of date */
export async function openBuggedTree(patches: readonly Patch[]): Promise<BuggedTree> {
  const root = await mkdtemp(join(tmpdir(), 'morningai-bug-'));
  const tree: BuggedTree = {
    root,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
  try {
    const modules = join(SOURCE_ROOT, 'node_modules');
    await cp(SOURCE_ROOT, root, {
      recursive: true,
      // Links between the packages stay within the copy.
      verbatimSymlinks: true,
      filter: (path) => path !== modules && !NOT_COPIED.has(basename(path)),
    });
    await symlink(modules, join(root, 'node_modules'));
    for (const patch of patches) await applyPatch(root, patch);
    return tree;
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws when `find` does not stand there exactly once */
async function applyPatch(root: string, { file, find, replace }: Patch): Promise<void> {
  const path = join(root, file);
  const patched = patchText(await readFile(path, 'utf8'), { file, find, replace });
  await writeFile(path, patched);
}

export function patchText(text: string, { file, find, replace }: Patch): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} has ${text.split(find).length - 1} times, and not once: ${find}`);
  }
  return before + replace + after;
}
