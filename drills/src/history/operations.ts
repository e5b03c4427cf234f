import type { HistoryRecord, OperationName, Phase, Value } from './record.ts';

/** An `invoke` and what came of it. */
export type Operation = {
  readonly proc: string;
  readonly op: OperationName;
  readonly key: string;
  readonly invokedAt: number;
  /** Infinity: nothing came. */
  readonly endedAt: number;
  readonly phase: Exclude<Phase, 'invoke'>;
  readonly asked: Value;
  readonly answered: Value;
};

/** Of those who hurt and watch, and not of callers and workers. */
export const NOT_ASKED: ReadonlySet<OperationName> = new Set(['fault', 'outage', 'health']);

/** Pairs each `invoke` with the next record of its process; one without is unknown. Pure. */
export function operationsOf(history: readonly HistoryRecord[]): readonly Operation[] {
  const open = new Map<string, HistoryRecord>();
  const operations: Operation[] = [];
  for (const record of history) {
    const { proc, phase } = record;
    const invoked = open.get(proc);
    if (invoked !== undefined) operations.push(ended(invoked, phase === 'invoke' ? undefined : record));
    open.delete(proc);
    if (phase === 'invoke') open.set(proc, record);
  }
  for (const invoked of open.values()) operations.push(ended(invoked, undefined));
  return operations.toSorted((a, b) => a.invokedAt - b.invokedAt);
}

function ended(invoked: HistoryRecord, record: HistoryRecord | undefined): Operation {
  const { proc, op, key, t: invokedAt, value: asked } = invoked;
  const common = { proc, op, key, invokedAt, asked };
  if (record === undefined || record.phase === 'invoke')
    return { ...common, endedAt: Infinity, phase: 'info', answered: {} };
  return { ...common, endedAt: record.t, phase: record.phase, answered: record.value };
}
