import { expect, test } from 'vitest';
import { INVARIANTS } from '../invariants/catalog.ts';
import { accepted, soundEvidence } from '../invariants/sound-evidence.ts';
import { NEMESES } from '../nemeses/catalog.ts';
import type { PlannedFault } from './draw-schedule.ts';
import { emptyPass, type GateInput } from './gates.ts';

const fault = (name: string): PlannedFault => {
  const nemesis = NEMESES.find((one) => one.name === name);
  if (nemesis === undefined) throw new Error(`no ${name}`);
  return { nemesis, atMs: 0, forMs: 1, seed: 1 };
};

function good(): GateInput {
  const evidence = soundEvidence();
  return {
    planned: [fault('redis-killed')],
    made: [
      {
        nemesis: 'redis-killed',
        marks: [{ what: 'run_id', before: 'a', after: 'b', left: true }],
        fromMs: 0,
        toMs: 10,
        clock: { fromMs: 0, toMs: 10 },
      },
    ],
    operations: evidence.operations,
    fenced: 0,
    verdicts: INVARIANTS.map((invariant) => ({ invariant, verdict: invariant.check(evidence) })),
  };
}

const made = (change: Partial<GateInput['made'][number]>) => good().made.map((one) => ({ ...one, ...change }));
const failing = Array.from({ length: 50 }, () => accepted(1, { phase: 'fail' }));
const nothing = { checked: 0, violations: [] };

test('however often a wish was asked for again while a service was away, it is one', () => {
  const again = Array.from({ length: 500 }, () => accepted(1, { phase: 'info' }));
  expect(emptyPass({ ...good(), operations: [...good().operations, ...again] })).toEqual([]);
});

test('a schedule in which all happened counts', () => {
  expect(emptyPass(good())).toEqual([]);
});

test.each<[string, Partial<GateInput>]>([
  ['nobody asked for anything', { operations: [] }],
  ['fewer than half', { operations: failing }],
  ['0 of 1 faults were made', { made: [] }],
  ['there was no fault', { planned: [], made: [] }],
  ['left no mark', { made: made({ marks: [] }) }],
  ['left no mark: run_id a → a', { made: made({ marks: [{ what: 'run_id', before: 'a', after: 'a', left: false }] }) }],
  ['nothing was asked for while', { made: made({ fromMs: 50_000, toMs: 60_000 }) }],
  ['no zombie was told', { planned: [fault('zombie')] }],
  ['had nothing to check', { verdicts: good().verdicts.map(({ invariant }) => ({ invariant, verdict: nothing })) }],
])('"%s" is no pass', (why, change) => {
  expect(emptyPass({ ...good(), ...change }).join()).toContain(why);
});
