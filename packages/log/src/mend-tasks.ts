/**
 * Sets the rows of single tasks to what the log gives, also while they are worked on: a row is written only if the log has not gone on
 * since it was folded, which Postgres checks under the append lock. So a repair never puts an old state over a newer one.
 */
import type { State } from '@morningai/core/task';
import { foldStreams } from './fold-streams.ts';
import { taskRow, type FoldedTask } from './folded-task.ts';
import type { Pool, Statement } from './pool.ts';

/** As many as one statement may hold the append lock for. */
export const MENDED_AT_ONCE = 200;
/** How often a task may be appended to between its fold and its repair. */
const TRIES = 20;

const MEND: Statement = { name: 'mend_tasks', sql: 'SELECT mend_tasks($1::json) AS settled' };

/**
 * @param tasks null: the log has no such task
 * @returns those that are settled; the others must be folded again
 */
export async function mendTasks(
  pool: Pool,
  tasks: ReadonlyMap<string, FoldedTask | null>,
): Promise<ReadonlySet<string>> {
  const known = [...tasks].flatMap(([id, task]) => (task === null ? [] : [{ id, task }]));
  const wanted = {
    versions: [...tasks].map(([id, task]) => ({ id, version: task?.version ?? 0 })),
    tasks: known.map(({ id, task }) => taskRow(id, task)),
    outcomes: known.flatMap(({ id, task }) => task.outcomes.map((outcome) => ({ task_id: id, ...outcome }))),
    submissions: known.flatMap(({ id, task: { tenant, submission } }) =>
      submission === null
        ? []
        : [{ tenant, idempotency_key: submission.key, task_id: id, request_digest: submission.requestDigest }],
    ),
  };
  const rows = await pool.query<{ settled: string[] }>(MEND, [JSON.stringify(wanted)]);
  return new Set(rows[0]?.settled);
}

export type HealedTask = {
  readonly id: string;
  readonly tenant: string;
  readonly version: number;
  readonly state: State;
};

/**
 * Folds these tasks from the log and puts their rows there, whatever was there before. A task with events of a newer release is left
 * alone.
 * @returns those of the tasks that the log knows
 */
export async function healTasks(pool: Pool, taskIds: readonly string[]): Promise<HealedTask[]> {
  const healed: HealedTask[] = [];
  for (let from = 0; from < taskIds.length; from += MENDED_AT_ONCE) {
    healed.push(...(await healSome(pool, taskIds.slice(from, from + MENDED_AT_ONCE))));
  }
  return healed;
}

async function healSome(pool: Pool, taskIds: readonly string[]): Promise<HealedTask[]> {
  const healed: HealedTask[] = [];
  let wanted = taskIds;
  for (let tries = 0; wanted.length > 0; tries += 1) {
    if (tries === TRIES) throw new Error(`${wanted.length} tasks change faster than they can be healed`);
    const folded = await foldStreams(pool, wanted);
    const ours = new Map([...folded].filter(([, task]) => !task.isForeign));
    if (ours.size === 0) break;
    const settled = await mendTasks(pool, ours);
    for (const [id, { tenant, version, state }] of ours)
      if (settled.has(id)) healed.push({ id, tenant, version, state });
    wanted = [...ours.keys()].filter((id) => !settled.has(id));
  }
  return healed;
}
