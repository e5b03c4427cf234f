/** What ends one task early, or begins it anew. */
import { LIMITS } from '@morningai/core/limits';
import { cancelFields, cancellation, retry } from '../domain/task-filter.ts';
import { parseTaskId } from '../domain/task-id.ts';
import { taskJson, taskJsonSchema } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

/** POST /v1/tasks/{id}:cancel */
export function cancelTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tasks/{id}:cancel',
    name: 'cancelTask',
    about:
      'Cancels a task: at once unless it runs. A running one is told, has a grace, and is cut; a completion that comes before that wins.',
    body: { schema: cancellation, bytes: LIMITS.taskBodyBytes, isOptional: true },
    answers: { 200: { about: 'The task: cancelled, or still running for its grace.', schema: taskJsonSchema } },
    handle: async ({ tenant, parameters, body, signal }) => {
      const id = parseTaskId(parameters['id'] ?? '');
      const task = await orchestrator.cancelTask({ tenant, id, ...cancelFields(body) }, signal);
      return { status: 200, body: taskJson(task) };
    },
  });
}

/** POST /v1/tasks/{id}:retry */
export function retryTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tasks/{id}:retry',
    name: 'retryTask',
    about: 'Opens the next life of a failed task. Steps that it has recorded are not run again.',
    body: { schema: retry, bytes: LIMITS.taskBodyBytes, isOptional: true },
    answers: { 200: { about: 'The task, open again.', schema: taskJsonSchema } },
    handle: async ({ tenant, parameters, body, signal }) => {
      const id = parseTaskId(parameters['id'] ?? '');
      const task = await orchestrator.retryTask({ tenant, id, life: body.life ?? 0 }, signal);
      return { status: 200, body: taskJson(task) };
    },
  });
}
