import { describe, expect, test } from 'vitest';
import { createProgram } from './program.ts';
import { runSchedules } from './run-schedules.ts';

const never = new AbortController().signal;

describe('schedules of faults on a virtual clock', () => {
  test('what dispatches keeps its promises: nothing is claimed twice, forgotten, or ended by a zombie', async () => {
    const { schedules, failed } = await runSchedules({ runs: 40, seed: 1, threads: 1, signal: never });
    expect(failed).toEqual([]);
    expect(schedules).toBe(40);
  });

  test('a seed is the same run every time, to the last event', async () => {
    const digests = async () => {
      const seen: string[] = [];
      const onOutcome = ({ seed, events, digest }: { seed: number; events: number; digest: string }) =>
        void seen.push(`${seed}: ${events} events, ${digest}`);
      await runSchedules({ runs: 8, seed: 700, threads: 1, onOutcome, signal: never });
      return seen;
    };
    const first = await digests();
    expect(await digests()).toEqual(first);
    expect(new Set(first.map((line) => line.split(' ').at(-1))).size).toBeGreaterThan(5);
  });
});

test.each([
  ['an unknown option', ['--nothing']],
  ['a number that is none', ['--runs', 'many']],
  ['a trace of no seed', ['--trace']],
])('%s is a mistake of the caller: 2', async (_, wanted) => {
  expect(await createProgram().run(['node', 'simulate', ...wanted], never)).toBe(2);
});

test('interrupted, it ends at once: 130', async () => {
  const signal = AbortSignal.abort(new DOMException('interrupted', 'AbortError'));
  expect(await createProgram().run(['node', 'simulate', '--runs', '10', '--seed', '1'], signal)).toBe(130);
});
