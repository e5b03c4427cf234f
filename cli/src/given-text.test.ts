import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { givenText } from './given-text.ts';

test('what is given stands there, or in a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'morningai-given-'));
  try {
    await writeFile(join(folder, 'url'), 'redis://there\n');
    expect(await givenText('{"n":1}')).toBe('{"n":1}');
    expect(await givenText(`@${join(folder, 'url')}`)).toBe('redis://there\n');
    for (const path of [folder, join(folder, 'none')]) {
      await expect(givenText(`@${path}`)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
