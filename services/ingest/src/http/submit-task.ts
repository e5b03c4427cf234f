import { LIMITS } from '@morningai/core/limits';
import { v7 as newTaskId } from 'uuid';
import { parseIdempotencyKey } from '../domain/idempotency-key.ts';
import { submission, taskSpecOf } from '../domain/submission.ts';
import { taskJson, taskJsonSchema } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { acceptTask } from './accept-task.ts';
import { defineRoute, type Route } from './route.ts';

/** POST /v1/tasks */
export function submitTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tasks',
    name: 'submitTask',
    about: 'Accepts a task. 202 means that it is recorded and will be worked on, whatever becomes of Redis.',
    headers: { 'Idempotency-Key': 'A repeat with the same key and the same body answers the first task.' },
    body: { schema: submission, bytes: LIMITS.taskBodyBytes },
    answers: {
      202: { about: 'The task was accepted.', schema: taskJsonSchema },
      200: { about: 'A repeat: this is the first task.', schema: taskJsonSchema },
    },
    handle: async ({ tenant, body, header, signal }) => {
      const idempotencyKey = parseIdempotencyKey(header('idempotency-key'));
      const spec = taskSpecOf(body, { id: newTaskId(), now: Date.now(), idempotencyKey });
      const { task, isRepeat } = await acceptTask(orchestrator, tenant, spec, signal);
      return {
        status: isRepeat ? 200 : 202,
        headers: { location: `/v1/tasks/${task.id}` },
        body: taskJson(task),
      };
    },
  });
}
