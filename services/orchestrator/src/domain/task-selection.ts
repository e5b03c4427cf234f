/** Which tasks a caller means who acts on many at once. Pure. */
import { AppError } from '@morningai/core/errors';
import { storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import { parseInstant } from './instant.ts';
import { isTaskId } from './submission.ts';

/** What is empty, undefined or false is not asked for. */
export type RequestedSelection = {
  readonly ids: readonly string[];
  readonly status: string;
  readonly agent: string;
  readonly label: string;
  readonly errorCode: string;
  readonly before: Date | undefined;
  readonly all: boolean;
};

/** What is null matches everything. */
export type TaskSelection = {
  readonly tenant: string;
  readonly ids: readonly string[] | null;
  readonly status: string | null;
  readonly agent: string | null;
  readonly label: { readonly name: string; readonly value: string | null } | null;
  readonly errorCode: string | null;
  readonly before: Date | null;
};

const STATUSES = {
  open: new Set(['', 'scheduled', 'queued', 'running', 'waiting']),
  failed: new Set(['', 'failed']),
} as const satisfies Record<string, ReadonlySet<string>>;

/**
 * @param among the tasks that can be acted on at all
 * @throws AppError REQUEST_INVALID: also for a filter that names nothing and does not say `all`
 */
export function selectionOf(
  tenant: string,
  requested: RequestedSelection | undefined,
  among: keyof typeof STATUSES,
): TaskSelection {
  const { ids = [], status = '', agent = '', label = '', errorCode = '', before, all = false } = requested ?? {};
  if (!STATUSES[among].has(status)) throw invalid(`status: only ${among} tasks are acted on, none that is "${status}"`);
  if (among === 'open' && errorCode !== '') throw invalid('errorCode: an open task has no error');
  if (ids.length > LIMITS.pageMax) throw invalid(`ids: at most ${LIMITS.pageMax}`);
  const unknown = ids.find((id) => !isTaskId(id));
  if (unknown !== undefined) throw invalid(`ids: "${unknown.slice(0, LIMITS.nameLength)}" is no task's id`);
  const isEmpty = ids.length === 0 && [status, agent, label, errorCode].every((text) => text === '') && !before;
  if (isEmpty && !all) throw invalid('an empty filter matches every task: say "all": true if that is meant');
  const [name = '', value = null] = storableText(label).split(/:(.*)/s, 2);
  return {
    tenant,
    ids: ids.length === 0 ? null : ids,
    status: status === '' ? null : status,
    agent: agent === '' ? null : storableText(agent),
    label: label === '' ? null : { name, value },
    errorCode: errorCode === '' ? null : storableText(errorCode),
    before: before === undefined ? null : parseInstant('before', before),
  };
}

function invalid(why: string): AppError {
  return new AppError('REQUEST_INVALID', why);
}
