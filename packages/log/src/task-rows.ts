/**
 * The rows of tasks as they are compared with the fold: mostly as text against text. Postgres makes one text of the columns that
 * differ for every task, so that a row costs little to write, to send and to read; it is taken apart only where it is not what the log gives.
 */
import { textArray } from './array-parameter.ts';
import { canonicalJson } from './digest.ts';
import type { FoldedTask } from './folded-task.ts';
import type { Session } from './pool.ts';
import { clockMicros, exactMicros } from './micros.ts';
import { statement } from './verify-session.ts';

export type TaskRow = {
  readonly version: number;
  /** FACTS in their order, a space between them; what is null is empty. */
  readonly facts: string;
  readonly agent: string;
  readonly tenant: string;
  /** JSON. */
  readonly labels: string | null;
  readonly state: string;
};

const FACTS = [
  ...(['version', 'status', 'fence', 'priority', 'submittedPosition', 'outcomePosition'] as const),
  ...(['createdAt', 'updatedAt', 'startedAt', 'finishedAt', 'wakeAt', 'expiresAt'] as const),
] satisfies readonly (keyof FoldedTask)[];

const ROWS = statement(
  'verify_rows',
  `SELECT t.id, t.version, concat(
            t.version, ' ', t.status, ' ', t.fence, ' ', t.priority, ' ', t.submitted_position, ' ', t.outcome_position, ' ',
            ${clockMicros('t.created_at')}, ' ', ${clockMicros('t.updated_at')}, ' ', ${clockMicros('t.started_at')}, ' ',
            ${clockMicros('t.finished_at')}, ' ', ${clockMicros('t.wake_at')}, ' ', ${exactMicros('t.expires_at')}, ' ',
            ARRAY(SELECT o.life || ':' || o.position FROM outcomes o WHERE o.task_id = t.id ORDER BY o.life)) AS facts,
          t.agent, t.tenant, t.labels::text AS labels, t.state::text AS state
   FROM unnest($1::text[]) AS wanted(id)
   CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = wanted.id::uuid LIMIT 1) t`,
);

/** Of those tasks that have a row. */
export async function readTaskRows(session: Session, taskIds: readonly string[]): Promise<Map<string, TaskRow>> {
  const rows = await session.query<TaskRow & { readonly id: string }>(ROWS, [textArray(taskIds)]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The columns in which a row is not what the log gives, and `outcomes` for the rows of that table. */
export function differingColumns(folded: FoldedTask, row: TaskRow): string[] {
  const outcomes = `{${folded.outcomes.map(({ life, position }) => `${life}:${position}`).join(',')}}`;
  const differing = row.facts === factsOf(folded, outcomes) ? [] : differingFacts(folded, outcomes, row.facts);
  if (row.agent !== folded.agent) differing.push('agent');
  if (row.tenant !== folded.tenant) differing.push('tenant');
  if (!isSameJson(row.labels, folded.labels)) differing.push('labels');
  if (!isSameJson(row.state, folded.state)) differing.push('state');
  return differing;
}

function factsOf(task: FoldedTask, outcomes: string): string {
  const { version, status, fence, priority, submittedPosition, createdAt, updatedAt } = task;
  const { outcomePosition, startedAt, finishedAt, wakeAt, expiresAt } = task;
  return (
    `${version} ${status} ${fence} ${priority} ${submittedPosition} ${outcomePosition ?? ''} ${createdAt} ${updatedAt} ` +
    `${startedAt ?? ''} ${finishedAt ?? ''} ${wakeAt ?? ''} ${expiresAt ?? ''} ${outcomes}`
  );
}

function differingFacts(task: FoldedTask, outcomes: string, facts: string): string[] {
  const stored = facts.split(' ');
  return [
    ...FACTS.filter((name, index) => String(task[name] ?? '') !== numberText(stored[index])),
    ...(outcomes === stored[FACTS.length] ? [] : ['outcomes']),
  ];
}

/** As JavaScript has it: beyond 2^53 it is rounded, as the fold is. */
function numberText(text = ''): string {
  return /^-?\d+$/.test(text) ? String(Number(text)) : text;
}

function isSameJson(text: string | null, value: unknown): boolean {
  if (text === null || value === null) return text === value;
  const folded = JSON.stringify(value);
  // What edited events fold to may be no JSON (NaN): as text it is, and no row has that.
  return text === folded || canonicalJson(JSON.parse(text)) === canonicalJson(JSON.parse(folded));
}
