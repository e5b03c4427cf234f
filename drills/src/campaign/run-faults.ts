/** Makes each fault at its time and heals it at its time; and heals all of them however this ends. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Mark } from '../drill.ts';
import type { DrillHosts } from '../drill-hosts.ts';
import type { DrillStack } from '../drill-stack.ts';
import type { Recorder } from '../history/recorder.ts';
import { createRandom } from '../random.ts';
import type { PlannedFault } from './draw-schedule.ts';

export type FaultParts = {
  readonly stack: DrillStack;
  readonly hosts: DrillHosts;
  readonly recorder: Pick<Recorder, 'record' | 'now'>;
  readonly signal: AbortSignal;
};

export type MadeFault = {
  readonly nemesis: string;
  readonly marks: readonly Mark[];
  /** ms since the schedule began. */
  readonly fromMs: number;
  readonly toMs: number;
  /** By the clock of this machine, ms since 1970. */
  readonly clock: { readonly fromMs: number; readonly toMs: number };
};

export async function runFaults(faults: readonly PlannedFault[], parts: FaultParts): Promise<readonly MadeFault[]> {
  const made = await Promise.allSettled(faults.map((fault, index) => runFault(fault, index, parts)));
  parts.signal.throwIfAborted();
  return made.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

async function runFault(
  { nemesis, atMs, forMs, seed }: PlannedFault,
  index: number,
  parts: FaultParts,
): Promise<MadeFault> {
  const { stack, hosts, recorder, signal } = parts;
  await delay(atMs, undefined, { signal });
  const marks: Mark[] = [];
  const proc = `nemesis ${index}`;
  const fromMs = recorder.now();
  const clockFromMs = Date.now();
  const told = { nemesis: nemesis.name, task: nemesis.target, ...(nemesis.isDown && { status: 'down' }) };
  recorder.record(proc, 'fault', nemesis.name, 'invoke', told);
  // Healed whatever happens: after a failure, and after Ctrl-C.
  const healing = new AsyncDisposableStack();
  try {
    await nemesis.inject({
      stack,
      hosts,
      signal,
      forMs,
      random: createRandom(seed),
      mark: (mark) => void marks.push(mark),
      onHeal: (undo) => healing.defer(undo),
    });
    if (nemesis.isDown) recorder.record(`outage ${index}`, 'outage', nemesis.name, 'invoke', told);
    await delay(Math.max(0, fromMs + forMs - recorder.now()), undefined, { signal });
  } finally {
    if (nemesis.isDown) recorder.record(`outage ${index}`, 'outage', nemesis.name, 'ok', told);
    await healing.disposeAsync();
    recorder.record(proc, 'fault', nemesis.name, 'ok', told);
  }
  const clock = { fromMs: clockFromMs, toMs: Date.now() };
  return { nemesis: nemesis.name, marks, fromMs, toMs: recorder.now(), clock };
}
