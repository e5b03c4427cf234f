import { performance } from 'node:perf_hooks';
import { AppError } from '@morningai/core/errors';
import { limitsOfRunning } from '@morningai/core/task-projection';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { WhyTaskRequest, WhyTaskResponse } from '@morningai/rpc/tasks';
import { ALIVE_MS } from '../dispatch/dispatcher.ts';
import { SILENT_MS } from '../dispatch/silence.ts';
import { whyTask as decideWhy, type WhyFacts } from '../domain/why.ts';
import { slotsElsewhere } from '../store/orchestrators.ts';
import { readCounters, readWhyRow } from '../store/why-facts.ts';
import type { Parts } from './parts.ts';
import { theTask } from './read-tasks.ts';

export async function whyTask(parts: Parts, request: WhyTaskRequest): Promise<WhyTaskResponse> {
  const { id } = await theTask(parts, request.tenant, request.id);
  const facts = await readFacts(parts, id).catch(storeUnavailable);
  const { reason, text, sinceMs, details } = decideWhy(facts);
  return {
    status: statusOf(facts),
    reason,
    text,
    since: new Date(sinceMs),
    lane: statusOf(facts) === 'queued' ? parts.dispatcher.status().lane : '',
    detailsJson: JSON.stringify(details),
  };
}

async function readFacts(parts: Parts, id: string): Promise<WhyFacts> {
  const row = await readWhyRow(parts.pool, id);
  if (row === undefined || row.state.status === 'none') {
    throw new AppError('TASK_NOT_FOUND', `there is no task ${id}`);
  }
  const { tenant, state } = row;
  const limits = limitsOfRunning(tenant, state, parts.runningLimits);
  const values =
    limits.length === 0
      ? []
      : await readCounters(
          parts.pool,
          limits.map(({ key }) => key),
        );
  const records = (await parts.catalog.all()).filter(({ name }) => name === state.agent);
  const members = parts.roster.members.filter((member) => member.agents.has(state.agent));
  const worker = state.status === 'running' ? state.worker : null;
  const runner = parts.roster.members.find(({ workerId }) => workerId === worker);
  return {
    nowMs: row.now.getTime(),
    state,
    updatedAtMs: row.updatedAt.getTime(),
    startedAtMs: row.startedAt?.getTime() ?? null,
    finishedAtMs: row.finishedAt?.getTime() ?? null,
    wakeAtMs: row.wakeAt?.getTime() ?? 0,
    expiresAtMs: row.expiresAt?.getTime() ?? null,
    leaseUntilMs: row.leaseUntil?.getTime() ?? null,
    lastFailure: lastFailure(row.failure),
    limits: limits.map((limit, index) => ({ ...limit, value: values[index] ?? 0 })),
    workers: {
      connected: members.length,
      slots: parts.roster.slotsOf(state.agent),
      free: parts.roster.free(state.agent),
      elsewhere: await slotsElsewhere(parts.pool, state.agent, parts.orchestratorId, ALIVE_MS),
      lastSeenMs: records.length === 0 ? null : Math.max(...records.map(({ lastSeenAt }) => lastSeenAt.getTime())),
    },
    ahead: row.ahead,
    silentMs: runner === undefined ? null : Math.round(performance.now() - runner.heardAt),
    silentFromMs: SILENT_MS,
  };
}

function statusOf({ state, wakeAtMs, nowMs }: WhyFacts): string {
  return state.status === 'queued' && wakeAtMs > nowMs ? 'scheduled' : state.status;
}

function lastFailure(failure: NonNullable<Awaited<ReturnType<typeof readWhyRow>>>['failure']): WhyFacts['lastFailure'] {
  if (failure === null) return null;
  return failure.error ?? { code: 'WORKER_LOST', message: 'no heartbeat came' };
}
