/** Three random schedules, small. `npx pnpm@12 drill random --schedules 200` runs as many as one likes, at their own size. */
import { expect, test } from 'vitest';
import { scheduleText } from '../src/campaign/campaign-text.ts';
import { summaryOf } from '../src/campaign/campaign-summary.ts';
import { isPass, runCampaign } from '../src/campaign/run-campaign.ts';
import { openDrillStack } from '../src/drill-stack.ts';
import { NEMESES } from '../src/nemeses/catalog.ts';

const SLOTS = 20;
const CALLERS = 30;
/** Redis and Postgres, an orchestrator, a worker that is killed and a zombie: what they draw is in the report. */
const SEEDS = [17, 18, 20];

test('under faults and load that are drawn from a seed every invariant holds', { timeout: 300_000 }, async () => {
  const { signal } = new AbortController();
  const openStack = () => openDrillStack({ slots: SLOTS, progress: () => undefined, signal });
  const parts = { nemeses: NEMESES, callers: CALLERS, orchestrators: 1 as const, openStack, folder: undefined, signal };
  const reports = await Array.fromAsync(runCampaign(SEEDS, parts));
  // The whole report is what one wants to read when it fails.
  const failed = reports.filter((report) => !isPass(report));
  expect(failed.map(scheduleText).join('\n')).toBe('');
  expect(summaryOf(reports)).toMatchObject({ schedules: SEEDS.length, held: SEEDS.length, violated: [], empty: [] });
});
