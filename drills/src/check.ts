/** Holds the book against the log. Pure: sets and sorts, because the log gives the order. */
import type { Book } from './load.ts';

/** An event of a task, as the log has it. */
export type TaskEvent = {
  readonly position: number;
  readonly taskId: string;
  readonly version: number;
  readonly life: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly recordedAtMs: number;
};

export type Ledger = {
  /** By the book. */
  readonly accepted: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly open: number;
  /** Accepted, and not in the log. */
  readonly lost: number;
  /** Outcomes beyond the first of a task's life. */
  readonly recordedTwice: number;
  readonly failedAttempts: number;
  readonly expiredAttempts: number;
  readonly releasedAttempts: number;
  /** The longest time without any event, ms: a whole system that stands still for longer than a lease cannot renew it. */
  readonly longestSilenceMs: number;
  /** The longest time between two completions, ms, and when it began; null: fewer than two. */
  readonly longestGap: { readonly ms: number; readonly fromMs: number } | null;
};

export type Checked = { readonly ledger: Ledger; readonly violations: readonly string[] };

const OUTCOMES: Readonly<Record<string, 'completed' | 'failed' | 'cancelled'>> = {
  TaskCompleted: 'completed',
  TaskFailed: 'failed',
  TaskCancelled: 'cancelled',
};
const VIOLATIONS_MAX = 20;

/** @param events of the whole log since before the load began, in order */
export function check(book: Book, events: readonly TaskEvent[]): Checked {
  const violations: string[] = [];
  const violated = (text: string) => void (violations.length < VIOLATIONS_MAX && violations.push(text));
  const byTask = Map.groupBy(events, ({ taskId }) => taskId);
  const byKey = new Map<string, string[]>();
  for (const { taskId, type, data } of events) {
    const key = typeof data['idempotencyKey'] === 'string' ? data['idempotencyKey'] : '';
    if (type !== 'TaskSubmitted' || !key.startsWith(book.prefix)) continue;
    byKey.set(key, [...(byKey.get(key) ?? []), taskId]);
    if (!book.entries.has(key)) violated(`task ${taskId} was asked for by nobody: key ${key}`);
  }

  const count = { accepted: 0, completed: 0, failed: 0, cancelled: 0, open: 0, lost: 0 };
  const totals = { recordedTwice: 0, failedAttempts: 0, expiredAttempts: 0, releasedAttempts: 0 };
  const completedAt: number[] = [];
  for (const { key, ids, state, outcome: wanted } of book.entries.values()) {
    const submitted = byKey.get(key) ?? [];
    if (ids.size > 1) violated(`${key} was answered with ${ids.size} tasks: ${[...ids].join(', ')}`);
    if (submitted.length > 1) violated(`${key} is in the log ${submitted.length} times: ${submitted.join(', ')}`);
    if (state === 'refused') violated(`${key} was refused`);
    if (state === 'unknown') violated(`${key} was never answered`);
    if (state === 'refused' && submitted.length > 0) violated(`${key} was refused, and is in the log`);
    const [accepted] = ids;
    if (accepted === undefined) continue;
    count.accepted += 1;
    if (submitted[0] !== accepted) {
      count.lost += 1;
      violated(`${key} was accepted as ${accepted}; the log has ${submitted[0] ?? 'nothing'}`);
      continue;
    }
    const history = checkHistory(accepted, byTask.get(accepted) ?? [], violated);
    totals.recordedTwice += history.recordedTwice;
    totals.failedAttempts += history.failedAttempts;
    totals.expiredAttempts += history.expiredAttempts;
    totals.releasedAttempts += history.releasedAttempts;
    count[history.outcome ?? 'open'] += 1;
    if (history.outcome !== wanted) violated(`${accepted} is ${history.outcome ?? 'open'}, and should be ${wanted}`);
    if (history.completedAtMs !== null) completedAt.push(history.completedAtMs);
  }
  if (totals.recordedTwice > 0) violated(`${totals.recordedTwice} outcomes were recorded twice`);
  const silence = longestGap(events.map(({ recordedAtMs }) => recordedAtMs));
  const gaps = { longestSilenceMs: silence?.ms ?? 0, longestGap: longestGap(completedAt) };
  return { ledger: { ...count, ...totals, ...gaps }, violations };
}

type History = {
  readonly outcome: 'completed' | 'failed' | 'cancelled' | null;
  readonly recordedTwice: number;
  readonly failedAttempts: number;
  readonly expiredAttempts: number;
  readonly releasedAttempts: number;
  readonly completedAtMs: number | null;
};

/** Versions 1…n, fences that rise, one outcome per life and under the fence that holds the claim. */
function checkHistory(taskId: string, events: readonly TaskEvent[], violated: (text: string) => void): History {
  const livesEnded = new Set<number>();
  let [fence, recordedTwice, failedAttempts, expiredAttempts, releasedAttempts] = [0, 0, 0, 0, 0];
  let outcome: History['outcome'] = null;
  let completedAtMs: number | null = null;
  for (const [index, { version, life, type, data, recordedAtMs }] of events.entries()) {
    if (version !== index + 1) violated(`${taskId}: version ${version} where ${index + 1} belongs`);
    if (type === 'AttemptStarted') {
      const next = Number(data['fence']);
      if (next <= fence) violated(`${taskId}: fence ${next} after ${fence}`);
      fence = next;
    }
    if (type === 'AttemptFailed') failedAttempts += 1;
    if (type === 'AttemptExpired') expiredAttempts += 1;
    if (type === 'AttemptReleased') releasedAttempts += 1;
    const ended = OUTCOMES[type];
    if (ended === undefined) continue;
    if (livesEnded.has(life)) recordedTwice += 1;
    livesEnded.add(life);
    if (ended === 'completed' && Number(data['fence']) !== fence)
      violated(`${taskId}: completed under fence ${String(data['fence'])}, and ${fence} held the claim`);
    outcome = ended;
    if (ended === 'completed') completedAtMs = recordedAtMs;
  }
  return { outcome, recordedTwice, failedAttempts, expiredAttempts, releasedAttempts, completedAtMs };
}

/** Between two of them, ms since 1970. */
export function longestGap(times: readonly number[]): Ledger['longestGap'] {
  let longest: Ledger['longestGap'] = null;
  const sorted = times.toSorted((a, b) => a - b);
  for (const [index, time] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && time - before > (longest?.ms ?? -1)) longest = { ms: time - before, fromMs: before };
  }
  return longest;
}
