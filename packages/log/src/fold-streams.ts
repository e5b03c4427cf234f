/** Folds single tasks from their own streams, many at once. */
import { foldTask, type FoldedTask, type LoggedEvent } from './folded-task.ts';
import type { Pool, Session, Statement } from './pool.ts';
import { taskStream } from './task-batch.ts';

const PAGE_ROWS = 1_000;
/** So many bytes of data at once, and at least one event. */
const PAGE_BYTES = 8 * 1024 * 1024;

// The first stream is read on from a version, the others from their beginning.
const PAGE: Statement = {
  name: 'fold_streams',
  sql: `SELECT no, position, version, tenant, type, data::json AS data, "recordedAt"
        FROM (
          SELECT *, sum(octet_length(data)) OVER (ORDER BY no, version) - octet_length(data) AS bytes_before
          FROM (
            SELECT w.no, e.position, e.version, e.tenant, e.type, e.data::text AS data,
                   (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS "recordedAt"
            FROM unnest($1::text[]) WITH ORDINALITY AS w(stream, no)
            CROSS JOIN LATERAL (
              SELECT * FROM events e
              WHERE e.stream = w.stream AND e.version > CASE WHEN w.no = 1 THEN $2::int ELSE 0 END
              ORDER BY e.version LIMIT ${PAGE_ROWS}
            ) e
            ORDER BY w.no, e.version LIMIT ${PAGE_ROWS}
          ) page
        ) page
        WHERE bytes_before < ${PAGE_BYTES}
        ORDER BY no, version`,
};

/**
 * Those of the tasks of which the log has events.
 * @param upTo the version to stop at; missing: the newest
 */
export async function foldStreams(
  on: Pick<Pool | Session, 'query'>,
  taskIds: readonly string[],
  upTo: ReadonlyMap<string, number> = new Map(),
): Promise<Map<string, FoldedTask>> {
  const tasks = new Map<string, FoldedTask>();
  let wanted = taskIds;
  for (let version = 0; wanted.length > 0;) {
    const rows = await on.query<LoggedEvent & { no: number }>(PAGE, [wanted.map(taskStream), version]);
    for (const { no, ...event } of rows) {
      const taskId = wanted[no - 1] as string;
      if (event.version > (upTo.get(taskId) ?? Infinity)) continue;
      tasks.set(taskId, foldTask(tasks.get(taskId), event));
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    wanted = wanted.slice(last.no - 1);
    version = last.version;
  }
  return tasks;
}
