/** The table of what the system of the seed documents did, with ours beside it, measured now. */
import { check, type Ledger } from '../check.ts';
import type { Stage } from '../drill.ts';
import type { DrillStack } from '../drill-stack.ts';
import { startLoad } from '../load.ts';
import { createRandom } from '../random.ts';
import { headOf, readTaskEvents } from '../read-log.ts';
import { REDIS_ROWS } from './redis-rows.ts';
import { WORK_ROWS } from './work-rows.ts';

export type MeasuredRow = {
  readonly scenario: string;
  readonly original: string;
  readonly ours: string;
  readonly holds: boolean;
};

export type OriginalReport = {
  readonly rows: readonly MeasuredRow[];
  readonly ledger: Ledger;
  readonly violations: readonly string[];
};

export async function runOriginal(
  stack: DrillStack,
  options: { readonly progress: (line: string) => void; readonly signal: AbortSignal },
): Promise<OriginalReport> {
  const { progress, signal } = options;
  const from = await headOf(stack.pool);
  const random = createRandom(1);
  const { ingestUrl, apiKey } = stack.urls;
  // No load beside the scenarios; only its book.
  const load = startLoad({ ingestUrl, apiKey, prefix: `original-${from}-`, tasks: 0, random, signal });
  const nothing = () => undefined;
  const stage: Stage = {
    stack,
    load,
    tasks: 0,
    pauseMs: 0,
    random,
    signal,
    mark: nothing,
    note: nothing,
    violated: nothing,
  };
  const rows: MeasuredRow[] = [];
  for (const { scenario, original, measure } of [...REDIS_ROWS, ...WORK_ROWS]) {
    progress(scenario);
    try {
      rows.push({ scenario, original, ours: await measure(stage), holds: true });
    } catch (error) {
      signal.throwIfAborted();
      rows.push({ scenario, original, ours: (error as Error).message, holds: false });
    }
  }
  const { ledger, violations } = check(load.book, await readTaskEvents(stack.pool, from));
  return { rows, ledger, violations };
}

/** As Markdown. */
export function originalText({ rows, ledger, violations }: OriginalReport): string {
  const { accepted, completed, failed, open, lost, recordedTwice } = ledger;
  return [
    '| scenario | original, measured | ours, measured now |',
    '| --- | --- | --- |',
    ...rows.map(
      ({ scenario, original, ours, holds }) => `| ${scenario} | ${original} | ${holds ? '' : 'BROKEN: '}${ours} |`,
    ),
    '',
    `accepted ${accepted} = completed ${completed} + failed ${failed} + open ${open}; lost ${lost}, recorded twice ${recordedTwice}`,
    ...violations.map((violation) => `VIOLATED: ${violation}`),
  ].join('\n');
}
