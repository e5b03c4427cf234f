import { AppError, asAppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import { problemBody, type ProblemBody } from '@morningai/service/problem';
import { v7 as newTaskId } from 'uuid';
import { z } from 'zod';
import { checked } from '../domain/checked.ts';
import { problemSchema } from '../domain/problem.ts';
import { batchItem, taskSpecOf } from '../domain/submission.ts';
import { taskJson, taskJsonSchema, type TaskJson } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { acceptTask } from './accept-task.ts';
import { defineRoute, type Route } from './route.ts';

const batchOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ tasks: z.array(item).min(1).max(LIMITS.tasksPerSubmit) });

/**
 * POST /v1/tasks:batch. Each item stands for itself. One accepted task makes the answer a 202; where none was accepted the
 * answer is the first item's problem, with all of them in `details.tasks`.
 */
export function submitBatchRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tasks:batch',
    name: 'submitTasks',
    about: 'Accepts many tasks; a bad one costs only itself.',
    // The items are checked one by one, so that one bad item is one problem.
    body: { schema: batchOf(z.unknown()), bytes: LIMITS.batchBodyBytes, described: batchOf(batchItem) },
    answers: {
      202: {
        about: 'At least one was accepted, now or earlier. In the order of the request: a task, or why there is none.',
        schema: z.strictObject({ tasks: z.array(z.union([taskJsonSchema, problemSchema])) }),
      },
    },
    handle: async ({ tenant, body, header, signal }) => {
      if (header('idempotency-key').length > 0) {
        throw new AppError(
          'REQUEST_INVALID',
          'a batch takes no Idempotency-Key header: give each task an idempotencyKey',
        );
      }
      const submit = async (given: unknown): Promise<TaskJson> => {
        const { idempotencyKey, ...item } = checked(batchItem, given);
        const spec = taskSpecOf(item, { id: newTaskId(), now: Date.now(), idempotencyKey });
        return taskJson((await acceptTask(orchestrator, tenant, spec, signal)).task);
      };
      const tasks = await Promise.all(body.tasks.map((given) => submit(given).catch(asAppError)));
      const items = tasks.map(taskOrProblem);
      const [first] = tasks;
      if (first instanceof AppError && tasks.every((task) => task instanceof AppError)) {
        throw new AppError(first.code, first.message, { cause: first, details: { tasks: items } });
      }
      return { status: 202, body: { tasks: items } };
    },
  });
}

function taskOrProblem(one: TaskJson | AppError): TaskJson | ProblemBody {
  return one instanceof AppError ? problemBody(one) : one;
}
