import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openResultsFile } from './results-file.ts';
import { reportOf } from './report-of.ts';

test('what was found is there at the next start; what was cut off is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'morningai-results-'));
  try {
    const path = join(folder, 'deep', 'results.jsonl');
    const first = await openResultsFile(path);
    expect(first.found).toEqual([]);
    await first.add(reportOf({ seed: 1 }));
    await appendFile(path, '{"seed": 2, "faul');
    const second = await openResultsFile(path);
    expect(second.found).toEqual([reportOf({ seed: 1 })]);
    await second.add(reportOf({ seed: 2 }));
    expect((await openResultsFile(path)).found.map(({ seed }) => seed)).toEqual([1, 2]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
