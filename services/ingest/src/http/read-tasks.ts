import { storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import { z } from 'zod';
import { tasksQuery } from '../domain/list-query.ts';
import { parseTaskId } from '../domain/task-id.ts';
import { taskJson, taskJsonSchema } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

/** GET /v1/tasks/{id} */
export function getTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/tasks/{id}',
    name: 'getTask',
    about: 'One task as it is now.',
    answers: { 200: { about: 'The task.', schema: taskJsonSchema } },
    handle: async ({ tenant, parameters, signal }) => ({
      status: 200,
      body: taskJson(await orchestrator.getTask(tenant, parseTaskId(parameters['id'] ?? ''), signal)),
    }),
  });
}

/** GET /v1/tasks */
export function listTasksRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/tasks',
    name: 'listTasks',
    about: 'The tasks, newest first, by page.',
    query: tasksQuery,
    answers: {
      200: {
        about: 'A page; `next` is the cursor of the one after it, or null.',
        schema: z.strictObject({ tasks: z.array(taskJsonSchema), next: z.string().nullable() }),
      },
    },
    handle: async ({ tenant, query, signal }) => {
      const { tasks, next } = await orchestrator.listTasks(
        {
          tenant,
          status: query.status ?? '',
          agent: storableText(query.agent ?? ''),
          label: storableText(query.label ?? ''),
          cursor: query.cursor ?? '',
          limit: query.limit ?? LIMITS.pageDefault,
        },
        signal,
      );
      return { status: 200, body: { tasks: tasks.map(taskJson), next: next === '' ? null : next } };
    },
  });
}
