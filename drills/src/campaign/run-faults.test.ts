import { expect, test } from 'vitest';
import type { DrillHosts } from '../drill-hosts.ts';
import type { DrillStack } from '../drill-stack.ts';
import { openRecorder } from '../history/recorder.ts';
import type { Nemesis, Scene } from '../nemeses/nemesis.ts';
import { runFaults } from './run-faults.ts';

const LONG_MS = 600_000;

/** A fault of a list: what was done to it, in order. */
function faultOf(inject: (scene: Scene, done: string[]) => Promise<void>) {
  const done: string[] = [];
  const nemesis: Nemesis = {
    name: 'test',
    row: 'R0',
    what: 'a list is written to',
    target: 'redis',
    lastsMs: [0, LONG_MS],
    isDown: false,
    mayExpire: false,
    inject: (scene) => inject(scene, done),
  };
  return { nemesis, done };
}

async function run(nemesis: Nemesis, forMs: number, signal: AbortSignal) {
  await using recorder = await openRecorder({ run: 'run', seed: 1, path: undefined });
  // Nothing of these is touched by a fault of a list.
  const [stack, hosts] = [{} as DrillStack, {} as DrillHosts];
  const made = await runFaults([{ nemesis, atMs: 0, forMs, seed: 1 }], { stack, hosts, recorder, signal });
  return { made, phases: recorder.records.map(({ phase }) => phase) };
}

const hurtTwice = async ({ onHeal, mark }: Scene, done: string[]) => {
  onHeal(async () => void done.push('first healed'));
  done.push('first hurt');
  onHeal(async () => void done.push('second healed'));
  done.push('second hurt');
  mark({ what: 'list', before: '0', after: '2', left: true });
};
const ALL = ['first hurt', 'second hurt', 'second healed', 'first healed'];

test('what was hurt is healed in time, the last first, and its marks are kept', async () => {
  const { nemesis, done } = faultOf(hurtTwice);
  const { made, phases } = await run(nemesis, 1, new AbortController().signal);
  expect(done).toEqual(ALL);
  expect(made).toMatchObject([{ nemesis: 'test', marks: [{ what: 'list', left: true }] }]);
  expect(phases).toEqual(['invoke', 'ok']);
});

test('an outage is told of from when all of it was made until the healing begins', async () => {
  const { nemesis } = faultOf(hurtTwice);
  await using recorder = await openRecorder({ run: 'run', seed: 1, path: undefined });
  const [stack, hosts] = [{} as DrillStack, {} as DrillHosts];
  const down = { ...nemesis, isDown: true };
  const { signal } = new AbortController();
  await runFaults([{ nemesis: down, atMs: 0, forMs: 1, seed: 1 }], { stack, hosts, recorder, signal });
  expect(recorder.records.map(({ op, phase }) => `${op} ${phase}`)).toEqual([
    'fault invoke',
    'outage invoke',
    'outage ok',
    'fault ok',
  ]);
});

test('a fault that could not be made to its end is healed as far as it was made', async () => {
  const { nemesis, done } = faultOf(async (scene, list) => {
    await hurtTwice(scene, list);
    throw new Error('no more');
  });
  await expect(run(nemesis, LONG_MS, new AbortController().signal)).rejects.toThrow('no more');
  expect(done).toEqual(ALL);
});

test('Ctrl-C in the middle heals at once', async () => {
  const abort = new AbortController();
  const { nemesis, done } = faultOf(async (scene, list) => {
    await hurtTwice(scene, list);
    abort.abort();
  });
  await expect(run(nemesis, LONG_MS, abort.signal)).rejects.toThrow('aborted');
  expect(done).toEqual(ALL);
});
