/**
 * Moves the queue to another Redis while work goes on: check, record, and follow the record like every other orchestrator. Until it is recorded
 * nothing has changed, however this ends; from then on the new Redis is the one, whoever dies. See ADR 14.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '@morningai/log/pool';
import { dropKeys, inspectRedis, readRunId } from '@morningai/queue/inspect-redis';
import { ticketPrefix } from '@morningai/queue/queue-names';
import { readTickets } from '@morningai/queue/read-tickets';
import { redisPlace } from '@morningai/queue/redis-place';
import { reason, type Logger } from '@morningai/service/logger';
import { secretsOf } from '@morningai/service/secrets';
import { checkTarget, saidByOther, unreachable } from '../domain/move-check.ts';
import type { RedisUrls } from '../redis-urls.ts';
import { epochPosition, findTicketClaim } from '../store/first-claim.ts';
import { countFollowed, recordMove } from '../store/redis-move.ts';
import { ALIVE_MS, type Dispatcher } from './dispatcher.ts';
import { moveRunning, takeMoveLease, type MoveLease } from './move-lease.ts';
import type { RedisFollower } from './redis-follower.ts';

const OPEN_WITHIN_MS = 10_000;
const FOLLOWED_WITHIN_MS = 5_000;
const CLAIMED_WITHIN_MS = 5_000;
/** Where no ticket is there by then, there is nothing to claim. */
const TICKETS_WITHIN_MS = 1_000;
const LOOK_MS = 20;

/** `checked`: it may be moved there; `moved`: recorded; `open`: an epoch is open there; `claimed`: a worker got a task by a ticket of it. */
export type MoveStep = { readonly step: 'checked' | 'moved' | 'open' | 'claimed'; readonly afterMs: number };

export type MoveReport = {
  readonly dryRun: boolean;
  /** Places, as anybody may read them. */
  readonly from: string;
  readonly to: string;
  readonly version: string;
  /** False: the Redis before does not answer, so nobody knows what is in it. */
  readonly oldAnswers: boolean;
  /** Keys of this log that an earlier stay has left there: deleted, unless it is a dry run. */
  readonly leftovers: number;
  readonly checkedMs: number;
  /** From the record until an epoch was open there; null: none is yet. */
  readonly openMs: number | null;
  readonly epoch: number | null;
  /** From the record to the first claim by a ticket, on Postgres' clock; null: there was none in time. */
  readonly firstTicketMs: number | null;
  /** Tasks that have a ticket there at the end; null: not known. */
  readonly tickets: number | null;
  readonly orchestrators: { readonly living: number; readonly followed: number };
  readonly oldKeys: { readonly state: 'deleted' | 'unreachable' | 'kept'; readonly deleted: number };
  /** Why the queue lane is not open there; empty: it is. */
  readonly why: string;
};

export type MoveParts = {
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly follower: RedisFollower;
  readonly urls: RedisUrls;
  readonly incarnation: string;
  readonly logger: Logger;
};

/**
 * @param order.to must be a Redis URL
 * @throws AppError QUEUE_…; whatever is thrown before `moved` has changed nothing
 */
export async function* moveQueue(
  parts: MoveParts,
  order: { readonly to: string; readonly dryRun: boolean },
  signal: AbortSignal,
): AsyncGenerator<MoveStep, MoveReport> {
  const { pool, dispatcher, logger } = parts;
  const startedAt = performance.now();
  const sinceStart = () => performance.now() - startedAt;
  const prefix = ticketPrefix(parts.incarnation);
  const to = redisPlace(order.to);
  if (order.dryRun) {
    const { url: oldUrl, place: from } = dispatcher.status().redis;
    const checked = { from, to, ...(await check({ url: order.to, oldUrl, prefix })), checkedMs: sinceStart() };
    yield { step: 'checked', afterMs: checked.checkedMs };
    return { dryRun: true, ...NOTHING_DONE, ...checked };
  }
  await using lease = await takeMoveLease(pool);
  // Another one may have moved it a moment ago: what is left behind is that Redis, and it is not to be swept as a new one.
  await parts.follower.follow();
  const { url: oldUrl, place: from } = dispatcher.status().redis;
  const checked = { from, to, ...(await check({ url: order.to, oldUrl, prefix })), checkedMs: sinceStart() };
  yield { step: 'checked', afterMs: checked.checkedMs };
  signal.throwIfAborted();
  await cleanTarget(order.to, prefix);
  // Whoever went away meanwhile takes it for not done.
  signal.throwIfAborted();
  const recorded = await recordMove(pool, lease.mover, parts.urls.sealed(order.to));
  if (recorded === null) throw moveRunning();
  const recordedAt = performance.now();
  logger.info({ from, to, move: recorded.move }, 'the queue is moved to another redis');
  await parts.follower.follow();
  yield { step: 'moved', afterMs: sinceStart() };

  const epoch = await within(OPEN_WITHIN_MS, signal, () => openEpoch(dispatcher, recorded.move));
  const openMs = epoch === null ? null : performance.now() - recordedAt;
  if (openMs !== null) yield { step: 'open', afterMs: sinceStart() };
  const claimedAt = epoch === null ? null : await firstClaim(parts, { epoch, url: order.to, prefix }, signal);
  if (claimedAt !== null) yield { step: 'claimed', afterMs: sinceStart() };
  const orchestrators = await untilFollowed(pool, recorded.move, signal);
  const isFollowed = orchestrators.followed === orchestrators.living;
  const report: MoveReport = {
    dryRun: false,
    ...checked,
    openMs,
    epoch,
    firstTicketMs: claimedAt === null || recorded.movedAt === null ? null : +claimedAt - +recorded.movedAt,
    tickets: epoch === null ? null : await countTickets(order.to, prefix, signal),
    orchestrators,
    oldKeys: await dropOldKeys({ oldUrl, url: order.to, prefix }, isFollowed ? lease : null),
    why: dispatcher.status().why,
  };
  logger.info({ ...report }, 'queue moved');
  return report;
}

const NOTHING_DONE = {
  openMs: null,
  epoch: null,
  firstTicketMs: null,
  tickets: null,
  orchestrators: { living: 0, followed: 0 },
  oldKeys: { state: 'kept', deleted: 0 },
  why: '',
} as const;

type Target = { readonly url: string; readonly oldUrl: string; readonly prefix: string };

/** @throws AppError QUEUE_… */
async function check({
  url,
  oldUrl,
  prefix,
}: Target): Promise<Pick<MoveReport, 'version' | 'oldAnswers' | 'leftovers'>> {
  const [found, runIdNow] = await Promise.all([
    inspectRedis(url, prefix).catch((error: unknown) => refuse(url, error)),
    readRunId(oldUrl).catch(() => null),
  ]);
  const said = (text: string) => saidByOther(text, secretsOf(url));
  const facts = {
    ...found,
    version: said(found.version),
    memoryPolicy: said(found.memoryPolicy),
    refusal: found.refusal === null ? null : said(found.refusal),
  };
  checkTarget(redisPlace(url), facts, runIdNow);
  return { version: facts.version, oldAnswers: runIdNow !== null, leftovers: facts.ownKeys };
}

async function cleanTarget(url: string, prefix: string): Promise<void> {
  await dropKeys(url, prefix).catch((error: unknown) => refuse(url, error));
}

function refuse(url: string, error: unknown): never {
  throw unreachable(redisPlace(url), saidByOther(reason(error), secretsOf(url)));
}

function openEpoch(dispatcher: Dispatcher, move: number): number | null {
  const { redis, epoch } = dispatcher.status();
  return redis.move >= move ? epoch : null;
}

/** When a claim by a ticket was recorded, behind the epoch's event. */
async function firstClaim(
  { pool }: MoveParts,
  { epoch, url, prefix }: { readonly epoch: number; readonly url: string; readonly prefix: string },
  signal: AbortSignal,
): Promise<Date | null> {
  let after = await epochPosition(pool, epoch);
  if (after === null) return null;
  const look = async () => {
    const { last, claimedAt } = await findTicketClaim(pool, after ?? 0);
    after = last;
    return claimedAt;
  };
  const soon = await within(TICKETS_WITHIN_MS, signal, look);
  if (soon !== null || (await countTickets(url, prefix, signal)) === 0) return soon;
  return within(CLAIMED_WITHIN_MS - TICKETS_WITHIN_MS, signal, look);
}

async function untilFollowed(pool: Pool, move: number, signal: AbortSignal): Promise<MoveReport['orchestrators']> {
  const count = () => countFollowed(pool, move, ALIVE_MS);
  const all = await within(FOLLOWED_WITHIN_MS, signal, async () => {
    const { living, followed } = await count();
    return living === followed ? { living, followed } : null;
  });
  return all ?? count();
}

/** Null: it does not answer any more. */
async function countTickets(url: string, prefix: string, signal: AbortSignal): Promise<number | null> {
  try {
    const tasks = new Set((await Array.fromAsync(readTickets(url, prefix, signal))).flat());
    return tasks.size;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** @param lease null: somebody may still use them */
async function dropOldKeys({ oldUrl, url, prefix }: Target, lease: MoveLease | null): Promise<MoveReport['oldKeys']> {
  if (lease === null || !(await lease.isHeld())) return { state: 'kept', deleted: 0 };
  try {
    const [before, now] = await Promise.all([readRunId(oldUrl), readRunId(url)]);
    // Two addresses may be one server, and it may have come back meanwhile.
    if (before === now || before === '') return { state: 'kept', deleted: 0 };
    return { state: 'deleted', deleted: await dropKeys(oldUrl, prefix) };
  } catch {
    return { state: 'unreachable', deleted: 0 };
  }
}

/** What `look` gives first. @returns null: it gave nothing in time */
async function within<T>(ms: number, signal: AbortSignal, look: () => T | null | Promise<T | null>): Promise<T | null> {
  const untilMs = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() >= untilMs) return found;
    await delay(LOOK_MS, undefined, { signal });
  }
}
