import { AppError } from '@morningai/core/errors';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { CallContext } from '@morningai/rpc/server';
import type { MoveQueueRequest, MoveQueueResponse, MoveReport as MoveReportMessage } from '@morningai/rpc/system';
import { variables } from '../config.ts';
import { moveQueue as move, type MoveReport } from '../dispatch/move-queue.ts';
import { durationOf } from './duration.ts';
import type { RpcParts } from './parts.ts';

const URL_LENGTH_MAX = 2_048;

/** Ends with the caller: what is not recorded by then stays as it was, and what is recorded stands. */
export async function* moveQueue(
  parts: RpcParts,
  { to, dryRun }: MoveQueueRequest,
  context: CallContext,
): AsyncGenerator<MoveQueueResponse> {
  checkUrl(to);
  const steps = move(parts.move, { to, dryRun }, AbortSignal.any([context.signal, parts.draining]));
  try {
    for (;;) {
      const { done, value } = await steps.next().catch((error: unknown) => outcomeInQueue(error, parts.draining));
      if (done === true) {
        yield { step: { $case: 'report', value: reportMessage(value) } };
        return;
      }
      yield { step: { $case: 'progress', value: { step: value.step, after: durationOf(value.afterMs) } } };
    }
  } finally {
    await steps.return(undefined as never);
  }
}

/** The same that REDIS_URL may be; it is never repeated, for it may have a password. @throws AppError QUEUE_URL_INVALID */
function checkUrl(to: string): void {
  const parsed = variables.redisUrl.schema.safeParse(to);
  const why = parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  if (to.length > URL_LENGTH_MAX) why.push(`must have at most ${URL_LENGTH_MAX} characters`);
  if (why.length > 0) throw new AppError('QUEUE_URL_INVALID', `to: ${why.join('; ')}`);
}

const SEE_QUEUE = 'whether the queue was moved is in what "queue" shows';

/** Postgres went away in the middle, or we do. */
function outcomeInQueue(error: unknown, draining: AbortSignal): never {
  if (draining.aborted) throw new AppError('DRAINING', `the orchestrator is shutting down; ${SEE_QUEUE}`);
  try {
    return storeUnavailable(error);
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== 'STORE_UNAVAILABLE') throw thrown;
    throw new AppError('STORE_UNAVAILABLE', `${thrown.message}; ${SEE_QUEUE}`, { cause: error });
  }
}

function reportMessage(report: MoveReport): MoveReportMessage {
  const { dryRun, from, to, version, oldAnswers, orchestrators, oldKeys, why } = report;
  return {
    dryRun,
    from,
    to,
    version,
    oldAnswers,
    leftovers: BigInt(report.leftovers),
    checked: durationOf(report.checkedMs),
    open: durationOrUnset(report.openMs),
    epoch: bigintOrUnset(report.epoch),
    firstTicket: durationOrUnset(report.firstTicketMs),
    tickets: bigintOrUnset(report.tickets),
    orchestrators: orchestrators.living,
    followed: orchestrators.followed,
    oldKeys: oldKeys.state,
    oldKeysDeleted: BigInt(oldKeys.deleted),
    why,
  };
}

function durationOrUnset(ms: number | null) {
  return ms === null ? undefined : durationOf(ms);
}

function bigintOrUnset(value: number | null) {
  return value === null ? undefined : BigInt(value);
}
