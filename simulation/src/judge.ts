/** Reads every event at the moment it is recorded, and says what must not be. It knows the promises, and nothing of how they are kept. */
import type { Accepted, EventRow } from './servers/log-tables.ts';

export type Judge = {
  readonly violations: readonly string[];
  violated(text: string): void;
  read(accepted: Accepted): void;
  readonly tasks: ReadonlyMap<string, Judged>;
  /** Since when nothing of this key runs; Infinity: something does. */
  keyFreeSince(tenant: string, key: string): number;
  runningOf(tenant: string): number;
  /** Since when fewer than the limit run. */
  belowLimitSince(tenant: string): number;
};

export type Judged = {
  readonly tenant: string;
  readonly agent: string;
  readonly key: string | null;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  status: 'queued' | 'running' | 'finished';
  outcome: 'completed' | 'failed' | 'cancelled' | null;
  version: number;
  life: number;
  fence: number;
  worker: string;
  startedAtMs: number;
  failures: number;
  crashes: number;
  /** What each fence reported. */
  readonly reports: Map<number, string>;
};

type Data = Readonly<Record<string, unknown>>;

const VIOLATIONS_MAX = 20;
/** Two heartbeats and a quarter, and the look after that. */
const SILENT_MS = 5_050;

export type JudgeParts = {
  readonly maxRunningPerTenant: number | null;
  /** Whether nothing was wrong with this worker since then, nor with any orchestrator. */
  readonly isHealthy: (worker: string, sinceMs: number) => boolean;
  /** For how long it has said nothing and nothing else was wrong, ms. */
  readonly silentMs: (worker: string) => number;
  /** Whether it was ever told of this attempt. */
  readonly wasAssigned: (task: string, fence: number) => boolean;
};

export function createJudge({ maxRunningPerTenant, isHealthy, silentMs, wasAssigned }: JudgeParts): Judge {
  const violations: string[] = [];
  const tasks = new Map<string, Judged>();
  const runningKeys = new Map<string, number>();
  const keyFreed = new Map<string, number>();
  const runningTenants = new Map<string, number>();
  const belowSince = new Map<string, number>();
  let epoch = 0;

  const violated = (text: string) => void (violations.length < VIOLATIONS_MAX && violations.push(text));

  const count = (task: Judged, change: 1 | -1, nowMs: number) => {
    const running = (runningTenants.get(task.tenant) ?? 0) + change;
    runningTenants.set(task.tenant, running);
    if (maxRunningPerTenant !== null) {
      if (running > maxRunningPerTenant) violated(`${running} tasks of ${task.tenant} run: over its limit`);
      if (change < 0) belowSince.set(task.tenant, nowMs);
    }
    if (task.key === null) return;
    const key = JSON.stringify([task.tenant, task.key]);
    const ofKey = (runningKeys.get(key) ?? 0) + change;
    runningKeys.set(key, ofKey);
    if (ofKey > 1) violated(`${ofKey} tasks of the key ${task.key} run at once`);
    if (ofKey === 0) keyFreed.set(key, nowMs);
  };

  const stop = (task: Judged, status: Judged['status'], nowMs: number) => {
    if (task.status === 'running') count(task, -1, nowMs);
    task.status = status;
  };

  const finish = (id: string, task: Judged, outcome: NonNullable<Judged['outcome']>, nowMs: number) => {
    if (task.outcome !== null) violated(`${id} has a second outcome in its life ${task.life}: ${outcome}`);
    stop(task, 'finished', nowMs);
    task.outcome = outcome;
  };

  /** @param isFirst of its append: `before` is what it was decided against */
  const readEvent = (event: EventRow, before: Accepted['before'], isFirst: boolean) => {
    const { type, recordedAtMs: nowMs } = event;
    const data = JSON.parse(event.dataText) as Data;
    if (event.stream === 'dispatch') {
      if (Number(data['epoch']) <= epoch) violated(`epoch ${String(data['epoch'])} after epoch ${epoch}`);
      epoch = Number(data['epoch']);
      return;
    }
    const id = event.stream.slice('task/'.length);
    if (type === 'TaskSubmitted') {
      if (tasks.has(id)) violated(`${id} was submitted twice`);
      tasks.set(id, submitted(event.tenant, data));
      return;
    }
    const task = tasks.get(id);
    if (task === undefined) return violated(`${id} begins with ${type}`);
    if (event.version !== task.version + 1) violated(`${id}: version ${event.version} after ${task.version}`);
    task.version = event.version;
    const fence = Number(data['fence']);
    const holds = task.status === 'running' && fence === task.fence;
    switch (type) {
      case 'AttemptStarted':
        if (task.status !== 'queued') violated(`${id} was claimed while it was ${task.status}`);
        if (fence <= task.fence) violated(`${id}: fence ${fence} after ${task.fence}`);
        if (isFirst && (before?.wakeAtMs ?? -Infinity) > nowMs) violated(`${id} was begun before it was due`);
        stop(task, 'running', nowMs);
        task.fence = fence;
        task.worker = String(data['worker']);
        task.startedAtMs = nowMs;
        if (silentMs(task.worker) > SILENT_MS) violated(`${id} was given to ${task.worker}, which says nothing`);
        return count(task, 1, nowMs);
      case 'AttemptReleased':
        if (!holds) violated(`${id}: fence ${fence} was released, which did not hold the claim`);
        return stop(task, 'queued', nowMs);
      case 'AttemptFailed':
        if (!holds) violated(`${id}: fence ${fence} failed, which did not hold the claim`);
        task.failures += 1;
        task.reports.set(fence, 'failed');
        return stop(task, 'queued', nowMs);
      case 'AttemptExpired':
        if (!holds) violated(`${id}: fence ${fence} expired, which did not hold the claim`);
        if (Math.max(before?.wakeAtMs ?? 0, before?.leaseUntilMs ?? 0) > nowMs) {
          violated(`${id}: fence ${fence} was expired while its lease held`);
        }
        if (!wasAssigned(id, fence)) violated(`${id}: fence ${fence} expired, which its worker never had`);
        if (isHealthy(task.worker, task.startedAtMs))
          violated(`${id}: fence ${fence} of ${task.worker}, which is healthy, expired`);
        task.failures += 1;
        task.crashes += 1;
        return stop(task, 'queued', nowMs);
      case 'TaskCompleted':
        if (!holds) violated(`${id} was completed by fence ${fence}, which did not hold the claim`);
        task.reports.set(fence, `completed ${JSON.stringify(data['output'])}`);
        return finish(id, task, 'completed', nowMs);
      case 'TaskFailed':
        if (task.status === 'running') violated(`${id} failed while fence ${task.fence} ran`);
        return finish(id, task, 'failed', nowMs);
      case 'TaskCancelled':
        return finish(id, task, 'cancelled', nowMs);
      case 'TaskRetried':
        if (task.outcome !== 'failed') violated(`${id} was retried and had not failed`);
        Object.assign(task, { status: 'queued', outcome: null, failures: 0, crashes: 0, life: task.life + 1 });
        return;
      default:
        return;
    }
  };

  return {
    violations,
    violated,
    tasks,
    read({ events, before }) {
      for (const [index, event] of events.entries()) readEvent(event, before, index === 0);
      const id = events[0]?.stream.slice('task/'.length) ?? '';
      const task = tasks.get(id);
      if (task === undefined) return;
      if (task.status === 'finished') return;
      if (task.failures >= task.maxAttempts) violated(`${id} goes on after ${task.failures} failures`);
      if (task.crashes >= task.maxCrashes) violated(`${id} goes on after ${task.crashes} crashes`);
    },
    keyFreeSince(tenant, key) {
      const name = JSON.stringify([tenant, key]);
      return (runningKeys.get(name) ?? 0) > 0 ? Infinity : (keyFreed.get(name) ?? 0);
    },
    runningOf: (tenant) => runningTenants.get(tenant) ?? 0,
    belowLimitSince: (tenant) =>
      maxRunningPerTenant !== null && (runningTenants.get(tenant) ?? 0) >= maxRunningPerTenant
        ? Infinity
        : (belowSince.get(tenant) ?? 0),
  };
}

function submitted(tenant: string, data: Data): Judged {
  return {
    tenant,
    agent: String(data['agent']),
    key: typeof data['concurrencyKey'] === 'string' ? data['concurrencyKey'] : null,
    maxAttempts: Number(data['maxAttempts']),
    maxCrashes: Number(data['maxCrashes']),
    status: 'queued',
    outcome: null,
    version: 1,
    life: 1,
    fence: 0,
    worker: '',
    startedAtMs: 0,
    failures: 0,
    crashes: 0,
    reports: new Map(),
  };
}
