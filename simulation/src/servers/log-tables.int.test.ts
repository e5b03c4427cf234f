/** The tables of the simulation against those of Postgres: the shipped code does the same on both, and finds the same. */
import { randomUUID } from 'node:crypto';
import type { Command } from '@morningai/core/task';
import { expiredAttempts, dueTasks, renewLeases } from '@morningai/log/leases';
import { cancelledAttempts } from '@morningai/log/ends';
import { loadTasks } from '@morningai/log/load-tasks';
import { LOG_MIGRATIONS, migrate } from '@morningai/log/migrate';
import { openPool, type Pool } from '@morningai/log/pool';
import { createTaskWriter } from '@morningai/log/task-writer';
import { followTasks } from '@morningai/orchestrator/store/follow-tasks';
import { dueBacklog, dueSoon, queuedAmong, queuedLines } from '@morningai/orchestrator/store/queued-tasks';
import { openTestDatabase } from '@morningai/testbed/database';
import { expect, inject, test } from 'vitest';
import { createRandom } from '../random.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { createVirtualPostgres } from './virtual-postgres.ts';

const COMMANDS = 400;
const TASKS = 30;
const FAR_MS = 3_600_000;
const AGENTS = ['faq', 'echo'];
const TENANTS = ['acme', 'bolt', 'core'];
const FRONT = { afterDueAt: '-infinity', afterId: '00000000-0000-0000-0000-000000000000' };

/** Every answer comes at once, and each question is asked a moment later than the one before. */
function instant(): VirtualTime {
  let now = 0;
  const at = () => Promise.resolve();
  const unused = () => {
    throw new Error('not part of this test');
  };
  return {
    get now() {
      return (now += 10);
    },
    hop: at,
    returning: () => at,
    sleep: at,
    createHost: unused,
    post: unused,
    freeze: unused,
    thaw: unused,
    kill: unused,
    onMoment: unused,
    advance: unused,
    answers: unused,
  };
}

type Step = { readonly taskId: string; readonly tenant: string; readonly command: Command; readonly key: number };

/** What may be asked of a task, sensible or not. */
function drawSteps(random: () => number): readonly Step[] {
  const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
  const ids = Array.from({ length: TASKS }, (_, n) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`);
  return Array.from({ length: COMMANDS }, (): Step => {
    const taskId = pick(ids);
    const n = ids.indexOf(taskId);
    const fence = 1 + Math.floor(random() * 3);
    const error = { code: 'AGENT_ERROR', message: 'it failed' };
    const submit: Command = {
      type: 'Submit',
      agent: AGENTS[n % 2] as string,
      input: n,
      priority: n % 4,
      maxAttempts: 3,
      maxCrashes: 2,
      dueInMs: n % 7 === 0 ? FAR_MS : 0,
      expiresInMs: n % 11 === 10 ? 1 : null,
      concurrencyKey: n % 5 === 0 ? 'k' : null,
      labels: {},
      idempotencyKey: n % 6 === 5 ? 'same' : null,
      requestDigest: `${n}`,
    };
    const start: Command = { type: 'Start', claimId: randomUUID(), worker: 'w', agentVersion: '1', leaseMs: 0 };
    const command = pick<Command>([
      submit,
      submit,
      { ...start, leaseMs: pick([0, FAR_MS]) },
      { ...start, leaseMs: pick([0, FAR_MS]) },
      { type: 'Complete', fence, output: 'done' },
      { type: 'Fail', fence, error, retryInMs: pick([0, FAR_MS, null]) },
      { type: 'Release', fence },
      { type: 'Expire', fence, retryInMs: 0, begun: pick([true, false]) },
      { type: 'Cancel', reason: 'stop', graceMs: pick([0, FAR_MS]) },
      { type: 'CutCancelled', fence },
      { type: 'Retry', life: null, dueInMs: 0 },
      { type: 'ExpireTask' },
    ]);
    return { taskId, tenant: TENANTS[n % 3] as string, command, key: n };
  });
}

/** One after the other; what came of each. */
async function run(pool: Pool, steps: readonly Step[]): Promise<readonly unknown[]> {
  const writer = createTaskWriter(pool);
  const answers: unknown[] = [];
  for (const { taskId, tenant, command } of steps) {
    const deadlineAt = performance.now() + 30_000;
    const limits = { limits: [], runningLimits: { perTenant: 3, perAgent: null } };
    const answer = await writer
      .write({ taskId, tenant, command, ...limits, urgency: 'outcome', bytes: 100, deadlineAt })
      .then(
        ({ events, state, version, positions, heldBack, duplicateOf }) => ({
          events: events.map(({ type }) => type),
          status: state.status,
          version,
          positions,
          heldBack,
          duplicateOf,
        }),
        (error: { code: string }) => error.code,
      );
    answers.push(answer);
    if (answers.length % 20 === 0) answers.push(await look(pool, steps));
  }
  await writer.close();
  return answers;
}

/** All that the dispatcher asks. */
async function look(pool: Pool, steps: readonly Step[]): Promise<unknown> {
  const ids = [...new Set(steps.map(({ taskId }) => taskId))].toSorted();
  const loaded = (await loadTasks(pool, ids)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const cursors = TENANTS.flatMap((tenant) =>
    [0, 1, 2, 3].map((priority) => ({ agent: 'faq', tenant, priority, ...FRONT })),
  );
  const backlog = await dueBacklog(pool, 'faq', cursors, 4);
  const held = loaded.flatMap(({ id, state }) =>
    state.status === 'running' && state.agent === 'faq' ? [{ taskId: id, fence: state.fence, leaseMs: FAR_MS }] : [],
  );
  const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).toSorted();
  return {
    states: loaded.map(({ id, version, state }) => ({ id, version, status: state.status })),
    due: await dueTasks(pool, { agent: 'faq', limit: 5, offset: 1, exceptTenants: ['bolt'] }),
    lines: sorted(await queuedLines(pool, 100)),
    queued: sorted((await queuedAmong(pool, ids)).map(({ dueInMs, ...row }) => ({ ...row, isDue: dueInMs <= 0 }))),
    soon: sorted(
      (await dueSoon(pool, await queuedLines(pool, 100), { withinMs: 2 * FAR_MS, limit: 100 })).map(
        (one) => one.taskId,
      ),
    ),
    backlog: backlog.map(({ taskId, tenant, priority }) => ({ taskId, tenant, priority })),
    expired: sorted(await expiredAttempts(pool, { agents: AGENTS, limit: 100 })),
    cancelled: sorted(await cancelledAttempts(pool, { agents: AGENTS, limit: 100 })),
    renewed: sorted(
      (await renewLeases(pool, held)).map(({ taskId, fence, cancel }) => ({ taskId, fence, is: cancel?.reason })),
    ),
    followed: (await followTasks(pool, 0, 10_000)).map(({ position, taskId, type }) => `${position} ${taskId} ${type}`),
  };
}

test.each([1, 2, 3])('what the dispatcher does and asks is the same on both: seed %i', async (seed) => {
  await using database = await openTestDatabase({
    adminUrl: inject('postgresUrl'),
    template: {
      name: 'simulation_log',
      prepare: (url) => migrate(url, [LOG_MIGRATIONS], new AbortController().signal),
    },
  });
  const pool = openPool({ url: database.url, name: 'test' });
  const simulated = createVirtualPostgres({ time: instant(), random: () => 0, onAccepted: () => undefined });
  try {
    const steps = drawSteps(createRandom(seed));
    const [real, ours] = [await run(pool, steps), await run(simulated.pool({ name: 'test', state: 'running' }), steps)];
    for (const [index, answer] of real.entries()) expect(ours[index], `answer ${index}`).toEqual(answer);
  } finally {
    await pool.close();
  }
});
