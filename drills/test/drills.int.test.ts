/** The drills, small: a few seconds each, on one stack. `npx pnpm@12 drill all` runs them at their own size. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRILLS } from '../src/catalog.ts';
import type { Drill } from '../src/drill.ts';
import { openDrillStack, type DrillStack } from '../src/drill-stack.ts';
import { reportText } from '../src/report.ts';
import { runDrill } from '../src/run-drill.ts';

const TASKS = 100;
const PAUSE_MS = 500;
const SLOTS = 20;

const ALONE = [
  'redis-killed',
  'redis-wiped',
  'flushall',
  'keys-deleted',
  'stale-copy',
  'redis-partition',
  'redis-full',
  'redis-evicts',
  'redis-broken',
  'redis-slow',
  'redis-unwilling',
  'overdue',
  'two-primaries',
  'postgres-killed',
  'postgres-cut',
  'postgres-stuck',
  'row-edited',
  'orchestrator-killed',
  'idle-agent',
  'services-frozen',
  'ingest-killed',
] as const;
/** They hurt workers of their own and a way of their own to ingest, and nothing else: at the same time. */
const TOGETHER = ['worker-killed', 'zombie', 'poison', 'poison-at-once', 'reply-lost'] as const;
const ALSO_TOGETHER = ['worker-clock', 'zombie-storm'] as const;

describe('what was accepted is done, once', () => {
  let stack: DrillStack;
  const abort = new AbortController();
  const options = { slots: SLOTS, progress: () => undefined, signal: abort.signal };
  beforeAll(async () => {
    stack = await openDrillStack(options);
  });
  afterAll(async () => {
    abort.abort();
    await stack[Symbol.asyncDispose]();
  });

  test.each(ALONE)('%s', { timeout: 120_000 }, (name) => run(stack, name, abort.signal));
});

describe('what was accepted is done, once, also when much happens', () => {
  let stack: DrillStack;
  const abort = new AbortController();
  // Several loads and worlds are enough for this process.
  const options = { slots: SLOTS, proxied: [], progress: () => undefined, signal: abort.signal };
  beforeAll(async () => {
    stack = await openDrillStack(options);
  });
  afterAll(async () => {
    abort.abort();
    await stack[Symbol.asyncDispose]();
  });

  test('a killed worker, a zombie, poison and a lost reply, all at once', { timeout: 120_000 }, async () => {
    await Promise.all(TOGETHER.map((name) => run(stack, name, abort.signal)));
  });

  test('wrong clocks and many zombies, at once', { timeout: 120_000 }, async () => {
    await Promise.all(ALSO_TOGETHER.map((name) => run(stack, name, abort.signal)));
  });
});

async function run(stack: DrillStack, name: string, signal: AbortSignal): Promise<void> {
  const report = await runDrill(drillOf(name), stack, { tasks: TASKS, pauseMs: PAUSE_MS, seed: 1, signal });
  // The whole report is what one wants to read when it fails.
  expect(report.violations.length === 0 ? 'it holds' : reportText(report)).toBe('it holds');
  expect(report.ledger).toMatchObject({ lost: 0, recordedTwice: 0, open: 0 });
}

function drillOf(name: string): Drill {
  const drill = DRILLS.find((one) => one.name === name);
  if (drill === undefined) throw new Error(`no drill ${name}`);
  return drill;
}
