import { LIMITS } from '@morningai/core/limits';
import type { Duration } from '@morningai/rpc/duration';
import type { MoveReport } from '@morningai/rpc/system';
import { z } from 'zod';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

const order = z.strictObject({
  /** A Redis URL. */
  to: z.string(),
  dryRun: z.boolean().optional(),
});

const moveJsonSchema = z.strictObject({
  dryRun: z.boolean(),
  /** Without user, password and options, as `to`. */
  from: z.string(),
  to: z.string(),
  version: z.string(),
  /** False: the Redis before does not answer. */
  oldAnswers: z.boolean(),
  /** Keys of this log that an earlier stay had left there. */
  leftovers: z.int(),
  checkedMs: z.int(),
  /** From the record of the move until an epoch was open there; null: none is yet, and `why` says why. */
  openMs: z.int().nullable(),
  epoch: z.int().nullable(),
  /** From the record of the move to the first claim by a ticket of it; null: there was none in time. */
  firstTicketMs: z.int().nullable(),
  /** Tasks that have a ticket there now; null: unknown. */
  tickets: z.int().nullable(),
  orchestrators: z.strictObject({ living: z.int(), followed: z.int() }),
  oldKeys: z.strictObject({ state: z.enum(['deleted', 'unreachable', 'kept']), deleted: z.int() }),
  why: z.string(),
});

/** POST /v1/queue:move */
export function moveQueueRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/queue:move',
    name: 'moveQueue',
    about: 'Moves the queue to another Redis while work goes on; with `dryRun` checks it, and changes nothing.',
    body: { schema: order, bytes: LIMITS.taskBodyBytes },
    answers: { 200: { about: 'What was done, and how long it took.', schema: moveJsonSchema } },
    handle: async ({ body: { to, dryRun = false }, signal }) => {
      const report = await orchestrator.moveQueue({ to, dryRun }, signal);
      return { status: 200, body: moveJson(report) };
    },
  });
}

function moveJson(report: MoveReport): z.infer<typeof moveJsonSchema> {
  const { dryRun, from, to, version, oldAnswers, why } = report;
  return {
    dryRun,
    from,
    to,
    version,
    oldAnswers,
    leftovers: Number(report.leftovers),
    checkedMs: millisecondsOf(report.checked) ?? 0,
    openMs: millisecondsOf(report.open),
    epoch: numberOrNull(report.epoch),
    firstTicketMs: millisecondsOf(report.firstTicket),
    tickets: numberOrNull(report.tickets),
    orchestrators: { living: report.orchestrators, followed: report.followed },
    oldKeys: { state: stateOf(report.oldKeys), deleted: Number(report.oldKeysDeleted) },
    why,
  };
}

function stateOf(text: string): 'deleted' | 'unreachable' | 'kept' {
  return text === 'deleted' || text === 'unreachable' ? text : 'kept';
}

function millisecondsOf(duration: Duration | undefined): number | null {
  return duration === undefined ? null : Math.round(Number(duration.seconds) * 1_000 + duration.nanos / 1e6);
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}
