/** The original MorningAI's paths: its callers keep working, with a key. */
import { LIMITS } from '@morningai/core/limits';
import { v7 as newTaskId } from 'uuid';
import { parseIdempotencyKey } from '../domain/idempotency-key.ts';
import {
  originalAccepted,
  originalErrorSchema,
  originalQuestion,
  originalTask,
  originalTaskSchema,
} from '../domain/original.ts';
import { taskSpecOf } from '../domain/submission.ts';
import { parseTaskId } from '../domain/task-id.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { acceptTask } from './accept-task.ts';
import { defineRoute, type Route } from './route.ts';

export const ORIGINAL_PREFIX = '/api/agent/';
const AGENT = 'faq';

/** POST /api/agent/faq */
export function originalFaqRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/agent/faq',
    name: 'originalFaq',
    about: "The original's way to ask the faq agent; use POST /v1/tasks for anything new.",
    headers: { 'Idempotency-Key': 'A repeat with the same key and the same question answers the first task.' },
    body: { schema: originalQuestion, bytes: LIMITS.taskBodyBytes },
    answers: { 202: { about: 'The task was accepted.', schema: originalAccepted } },
    error: originalErrorSchema,
    handle: async ({ tenant, body, header, signal }) => {
      const idempotencyKey = parseIdempotencyKey(header('idempotency-key'));
      const given = { agent: AGENT, input: { question: body.question } };
      const spec = taskSpecOf(given, { id: newTaskId(), now: Date.now(), idempotencyKey });
      const { task } = await acceptTask(orchestrator, tenant, spec, signal);
      return { status: 202, body: { task_id: task.id, status: 'queued' } };
    },
  });
}

/** GET /api/agent/tasks/{id} */
export function originalTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/api/agent/tasks/{id}',
    name: 'originalTask',
    about: 'A task in the shape the original gave it.',
    answers: { 200: { about: 'The task.', schema: originalTaskSchema } },
    error: originalErrorSchema,
    handle: async ({ tenant, parameters, signal }) => ({
      status: 200,
      body: originalTask(await orchestrator.getTask(tenant, parseTaskId(parameters['id'] ?? ''), signal)),
    }),
  });
}
