import { AppError } from '@morningai/core/errors';
import { storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import { readStream, type LogEvent } from '@morningai/log/read';
import { taskStream } from '@morningai/log/task-batch';
import type {
  GetTaskRequest,
  ListTaskEventsRequest,
  ListTaskEventsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Task,
} from '@morningai/rpc/tasks';
import { isTaskId } from '../domain/submission.ts';
import type { TaskView } from '../domain/task-view.ts';
import { getTaskViews, listTaskViews } from '../store/task-views.ts';
import { eventMessage } from './event-message.ts';
import type { Parts } from './parts.ts';
import { taskMessage } from './task-message.ts';

export async function getTask(parts: Parts, request: GetTaskRequest): Promise<Task> {
  return taskMessage(await theTask(parts, request.tenant, request.id));
}

const STATUSES: ReadonlySet<string> = new Set([
  '',
  'scheduled',
  'queued',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
]);

export async function listTasks(parts: Parts, request: ListTasksRequest): Promise<ListTasksResponse> {
  const { tenant, status, agent, label, cursor } = request;
  if (!STATUSES.has(status)) throw new AppError('REQUEST_INVALID', `there is no status "${status}"`);
  if (cursor !== '' && !isTaskId(cursor)) throw new AppError('REQUEST_INVALID', 'the cursor is not one of ours');
  const limit = pageLimit(request.limit);
  const [name = '', value = null] = storableText(label).split(/:(.*)/s, 2);
  const filter = {
    tenant,
    status: status === '' ? null : status,
    agent: agent === '' ? null : storableText(agent),
    label: label === '' ? null : { name, value },
  };
  const first = cursor === '' ? null : cursor;
  const page = await readPage(
    limit,
    (after: TaskView | undefined, rows) =>
      listTaskViews(parts.pool, { ...filter, beforeId: after?.id ?? first, limit: rows }),
    (view) => Buffer.byteLength(view.inputJson) + Buffer.byteLength(view.outputJson ?? ''),
  );
  return { tasks: page.rows.map(taskMessage), next: page.more ? (page.rows.at(-1)?.id ?? '') : '' };
}

export async function listTaskEvents(parts: Parts, request: ListTaskEventsRequest): Promise<ListTaskEventsResponse> {
  await theTask(parts, request.tenant, request.id);
  const limit = pageLimit(request.limit);
  const stream = taskStream(request.id);
  const page = await readPage(
    limit,
    (after: LogEvent | undefined, rows) => readStream(parts.pool, stream, after?.version ?? request.afterVersion, rows),
    (event) => Buffer.byteLength(event.dataText),
  );
  return { events: page.rows.map(eventMessage), nextAfterVersion: page.more ? (page.rows.at(-1)?.version ?? 0) : 0 };
}

const PAGE_BYTES = 3 * 1024 * 1024;
/** Rows read at once: the largest ones would otherwise fill the memory before they are counted. */
const ROWS_AT_ONCE = 50;

/** At most `limit` rows and 3 MiB, and at least one row if there is any. */
async function readPage<Row>(
  limit: number,
  read: (after: Row | undefined, rows: number) => Promise<Row[]>,
  bytesOf: (row: Row) => number,
): Promise<{ rows: Row[]; more: boolean }> {
  const page: Row[] = [];
  for (let bytes = 0; ;) {
    // One more than asked for tells whether there is a next page.
    const wanted = Math.min(ROWS_AT_ONCE, limit + 1 - page.length);
    const rows = await reading(read(page.at(-1), wanted));
    for (const row of rows) {
      bytes += bytesOf(row);
      if (page.length === limit || (page.length > 0 && bytes > PAGE_BYTES)) return { rows: page, more: true };
      page.push(row);
    }
    if (rows.length < wanted) return { rows: page, more: false };
  }
}

/** @throws AppError TASK_NOT_FOUND: also for a task of another tenant */
export async function theTask(parts: Parts, tenant: string, id: string): Promise<TaskView> {
  const views = isTaskId(id) ? await reading(getTaskViews(parts.pool, tenant, [id])) : [];
  if (views[0] === undefined) throw new AppError('TASK_NOT_FOUND', `there is no task ${id}`);
  return views[0];
}

function pageLimit(asked: number): number {
  if (asked > LIMITS.pageMax) throw new AppError('REQUEST_INVALID', `limit is at most ${LIMITS.pageMax}`);
  return asked === 0 ? LIMITS.pageDefault : asked;
}

function reading<T>(rows: Promise<T>): Promise<T> {
  return rows.catch(storeUnavailable);
}
