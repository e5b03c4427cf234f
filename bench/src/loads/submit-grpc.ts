/** Submits no-op tasks by SubmitTasks, in batches, a few of them in flight. */
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { TaskServiceClient, type SubmitTasksRequest, type SubmitTasksResponse } from '@morningai/rpc/tasks';
import { v7 as newTaskId } from 'uuid';
import { nowMs, serveLoad } from './serve-load.ts';

export type SubmitRequest = { readonly tasks: number };
export type SubmitReply = { readonly startedAt: number; readonly acceptedAt: number };

const BATCH = 500;
const IN_FLIGHT = 4;
const DEADLINE_MS = 30_000;

serveLoad(({ address, apiKey }: { address: string; apiKey: string }) => {
  const client = openClient(TaskServiceClient, address);
  const metadata = bearer(apiKey);

  const submit = async (tasks: number) => {
    const request = { tenant: 'default', tasks: Array.from({ length: tasks }, task) };
    const { results } = await callUnary<SubmitTasksRequest, SubmitTasksResponse>(
      (...args) => client.submitTasks(...args),
      request,
      { metadata, deadlineMs: DEADLINE_MS },
    );
    const refused = results.find(({ result }) => result?.$case !== 'accepted');
    if (refused !== undefined) throw new Error(`a task was refused: ${JSON.stringify(refused)}`);
  };

  return async ({ tasks }: SubmitRequest): Promise<SubmitReply> => {
    const startedAt = nowMs();
    let left = tasks;
    const lane = async () => {
      while (left > 0) {
        const size = Math.min(BATCH, left);
        left -= size;
        await submit(size);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return { startedAt, acceptedAt: nowMs() };
  };
});

function task() {
  return {
    id: newTaskId(),
    agent: 'echo',
    inputJson: '{"n":1}',
    priority: 2,
    dueAt: undefined,
    expiresAt: undefined,
    maxAttempts: 0,
    concurrencyKey: '',
    labels: {},
    idempotencyKey: '',
  };
}
