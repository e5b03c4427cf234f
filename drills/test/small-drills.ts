/** The drills, small: a few seconds each. `npx pnpm@12 drill all` runs them at their own size. */
import { afterAll, beforeAll, expect } from 'vitest';
import { DRILLS } from '../src/catalog.ts';
import type { Drill } from '../src/drill.ts';
import { openDrillStack, type DrillStack, type DrillStackOptions } from '../src/drill-stack.ts';
import { reportText } from '../src/report.ts';
import { runDrill } from '../src/run-drill.ts';

const TASKS = 100;
const PAUSE_MS = 500;
const SLOTS = 20;

export const SMALL_DRILL_MS = 120_000;

/** One stack for the tests of a block. @returns runs one drill on it: it holds, or its whole report is what the test fails with */
export function onSmallStack(more: Partial<DrillStackOptions> = {}): (name: string) => Promise<void> {
  let stack: DrillStack;
  const { signal, abort } = abortable();
  beforeAll(async () => {
    stack = await openDrillStack({ slots: SLOTS, progress: () => undefined, signal, ...more });
  });
  afterAll(async () => {
    abort();
    await stack[Symbol.asyncDispose]();
  });
  return async (name) => {
    const report = await runDrill(drillOf(name), stack, { tasks: TASKS, pauseMs: PAUSE_MS, seed: 1, signal });
    expect(report.violations.length === 0 ? 'it holds' : reportText(report)).toBe('it holds');
    expect(report.ledger).toMatchObject({ lost: 0, recordedTwice: 0, open: 0 });
  };
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

function drillOf(name: string): Drill {
  const drill = DRILLS.find((one) => one.name === name);
  if (drill === undefined) throw new Error(`no drill ${name}`);
  return drill;
}
