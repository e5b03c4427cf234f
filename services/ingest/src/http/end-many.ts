/** The same for every task that a filter matches. A filter that matches nothing is an error, and so is one that says nothing. */
import { LIMITS } from '@morningai/core/limits';
import {
  bulkCancellation,
  bulkCancelled,
  bulkJson,
  bulkRetried,
  bulkRetry,
  cancelFields,
  taskFilter,
} from '../domain/task-filter.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

/** POST /v1/tasks:cancel */
export function cancelTasksRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tasks:cancel',
    name: 'cancelTasks',
    about: 'Cancels every open task that the filter matches; with `dryRun` says which they are, and does nothing.',
    body: { schema: bulkCancellation, bytes: LIMITS.taskBodyBytes },
    answers: { 200: { about: 'What was done, and what is left.', schema: bulkCancelled } },
    handle: async ({ tenant, body, signal }) => {
      const { filter, dryRun = false, ...how } = body;
      const request = { tenant, filter: taskFilter(filter), dryRun, ...cancelFields(how) };
      const result = await orchestrator.cancelTasks(request, signal);
      return { status: 200, body: { ...bulkJson(result, dryRun), cancelled: Number(result.done) } };
    },
  });
}

/** POST /v1/failed:retry */
export function retryFailedRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/failed:retry',
    name: 'retryFailed',
    about: 'Retries every failed task that the filter matches; with `dryRun` says which they are, and does nothing.',
    body: { schema: bulkRetry, bytes: LIMITS.taskBodyBytes },
    answers: { 200: { about: 'What was done, and what is left.', schema: bulkRetried } },
    handle: async ({ tenant, body: { filter, dryRun = false }, signal }) => {
      const result = await orchestrator.retryFailed({ tenant, filter: taskFilter(filter), dryRun }, signal);
      return { status: 200, body: { ...bulkJson(result, dryRun), retried: Number(result.done) } };
    },
  });
}
