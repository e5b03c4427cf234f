import { LIMITS } from '@morningai/core/limits';
import { z } from 'zod';
import { checked } from '../domain/checked.ts';
import { eventJson, eventJsonSchema, isFinished, type EventJson } from '../domain/event-json.ts';
import { eventsQuery, version } from '../domain/list-query.ts';
import { parseTaskId } from '../domain/task-id.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { streamEvents, type EventPage, type OpenStreams } from './event-stream.ts';
import { defineRoute, type Answer, type Route } from './route.ts';

const EVENT_STREAM = 'text/event-stream';

/**
 * GET /v1/tasks/{id}/events: a page of JSON, or a stream for who accepts one.
 * @param draining ends the open streams: their readers come back with Last-Event-ID
 */
export function listEventsRoute(orchestrator: Orchestrator, streams: OpenStreams, draining: AbortSignal): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/tasks/{id}/events',
    name: 'listEvents',
    isStream: true,
    about: "The task's own history, in order. With `Accept: text/event-stream`: as it happens, until the outcome.",
    headers: { 'Last-Event-ID': 'For a stream: the version of the last event seen.' },
    query: eventsQuery,
    answers: {
      200: {
        about: 'A page; `next` is the `after` of the one behind it, or null.',
        schema: z.strictObject({ events: z.array(eventJsonSchema), next: z.int().nullable() }),
      },
      204: { about: 'For a stream: the task is finished, and all its events were seen. Do not come back.' },
    },
    handle: async ({ tenant, parameters, query, header, signal }) => {
      const id = parseTaskId(parameters['id'] ?? '');
      const read = async (after: number, limit: number, gone: AbortSignal) => {
        const page = await orchestrator.listTaskEvents({ tenant, id, afterVersion: after, limit }, gone);
        return { events: page.events.map(eventJson), next: page.nextAfterVersion === 0 ? null : page.nextAfterVersion };
      };
      const limit = query.limit ?? LIMITS.pageDefault;
      if (!header('accept').some((one) => one.toLowerCase().includes(EVENT_STREAM))) {
        return { status: 200, body: await read(query.after ?? 0, limit, signal) };
      }

      const [lastId] = header('last-event-id');
      const after = lastId === undefined || lastId === '' ? (query.after ?? 0) : checked(version, lastId);
      const asPage = (page: { events: EventJson[]; next: number | null }): EventPage => ({
        events: page.events,
        isFull: page.next !== null,
      });
      const slot = streams.open();
      signal.addEventListener('abort', () => slot[Symbol.dispose](), { once: true });
      try {
        const first = asPage(await read(after, limit, signal));
        if (first.events.length === 0 && isFinished(await orchestrator.getTask(tenant, id, signal))) {
          slot[Symbol.dispose]();
          return { status: 204, body: undefined };
        }
        const ended = AbortSignal.any([signal, draining]);
        const next = async (seen: number) => asPage(await read(seen, limit, ended));
        return asStream(streamEvents(first, after, next, streams.pollMs, ended), slot);
      } catch (error) {
        slot[Symbol.dispose]();
        throw error;
      }
    },
  });
}

function asStream(messages: AsyncIterable<string>, slot: Disposable): Answer {
  return {
    status: 200,
    headers: { 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
    body: (async function* () {
      using _slot = slot;
      yield* messages;
    })(),
  };
}
