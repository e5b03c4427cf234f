import { z } from 'zod';
import { isoOrNull } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

export const queueJsonSchema = z.strictObject({
  lane: z.enum(['queue', 'log']),
  /** Why tickets do not flow; empty: they do. */
  why: z.string(),
  /** Null: another orchestrator leads. */
  term: z.int().nullable(),
  /** Null: tickets do not flow. */
  epoch: z.int().nullable(),
  /** Tasks with a ticket in Redis; null: unknown, Redis is away or another orchestrator leads. */
  tickets: z.int().nullable(),
  /** Which Redis has the tickets. */
  redis: z.strictObject({
    /** Where it is, without user, password and options. */
    place: z.string(),
    /** Since when it is another one than REDIS_URL says; null: it is that one. */
    movedAt: z.iso.datetime().nullable(),
    /** Its password is not known, because MORNINGAI_API_KEY was changed since: move the queue again. */
    locked: z.boolean(),
  }),
  agents: z.array(
    z.strictObject({
      agent: z.string(),
      due: z.int(),
      scheduled: z.int(),
      running: z.int(),
      freeSlots: z.int(),
      oldestDueAt: z.iso.datetime().nullable(),
    }),
  ),
});

/** GET /v1/queue */
export function readQueueRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/queue',
    name: 'readQueue',
    about: 'What waits, agent by agent, and how it reaches workers.',
    answers: { 200: { about: 'As it is now; counts stop at one million.', schema: queueJsonSchema } },
    handle: async ({ signal }) => {
      const { lane, why, term, epoch, tickets, agents, redis } = await orchestrator.getQueue(signal);
      const rows = agents.map(({ agent, due, scheduled, running, freeSlots, oldestDueAt }) => ({
        agent,
        due: Number(due),
        scheduled: Number(scheduled),
        running: Number(running),
        freeSlots,
        oldestDueAt: isoOrNull(oldestDueAt),
      }));
      const known = { term: numberOrNull(term), epoch: numberOrNull(epoch), tickets: numberOrNull(tickets) };
      const inUse = {
        place: redis?.place ?? '',
        movedAt: isoOrNull(redis?.movedAt),
        locked: redis?.locked ?? false,
      };
      return { status: 200, body: { lane, why, ...known, redis: inUse, agents: rows } };
    },
  });
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}
