import type { Task, TaskError } from '@morningai/rpc/tasks';
import type { State, Submission } from '@morningai/core/task';
import type { TaskView } from '../domain/task-view.ts';

export function taskMessage(view: TaskView): Task {
  const { state } = view;
  return {
    id: view.id,
    tenant: view.tenant,
    agent: view.agent,
    status: view.status,
    inputJson: view.inputJson,
    outputJson: view.outputJson ?? '',
    error: errorOf(state),
    attempt: view.fence,
    failures: state.status === 'none' ? 0 : state.failures,
    maxAttempts: state.status === 'none' ? 0 : state.maxAttempts,
    priority: view.priority,
    labels: { ...view.labels },
    createdAt: view.createdAt,
    dueAt: view.dueAt,
    startedAt: view.startedAt ?? undefined,
    finishedAt: view.finishedAt ?? undefined,
    version: view.version,
    life: state.status === 'none' ? 0 : state.life,
    updatedAt: view.updatedAt,
    expiresAt: view.expiresAt ?? undefined,
    lane: view.lane ?? '',
  };
}

function errorOf(state: State): TaskError | undefined {
  if (state.status === 'failed') return { ...state.error };
  return state.status === 'cancelled' ? { code: 'TASK_CANCELLED', message: state.cancelReason } : undefined;
}

/** The task as it is right after its submission was recorded: nothing need be read back. Without its input. */
export function submittedMessage(id: string, tenant: string, submission: Submission, recordedAt: Date): Task {
  return {
    id,
    tenant,
    agent: submission.agent,
    status: submission.dueInMs > 0 ? 'scheduled' : 'queued',
    inputJson: '',
    outputJson: '',
    error: undefined,
    attempt: 0,
    failures: 0,
    maxAttempts: submission.maxAttempts,
    priority: submission.priority,
    labels: { ...submission.labels },
    createdAt: recordedAt,
    dueAt: new Date(recordedAt.getTime() + submission.dueInMs),
    startedAt: undefined,
    finishedAt: undefined,
    version: 1,
    life: 1,
    updatedAt: recordedAt,
    expiresAt: submission.expiresInMs === null ? undefined : new Date(recordedAt.getTime() + submission.expiresInMs),
    lane: '',
  };
}
