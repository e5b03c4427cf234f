/** Asks everybody, when all is over, what there is. Patient where the promise is "once all has settled"; then it takes what it gets. */
import { knownTasks } from '@morningai/log/known-tasks';
import { readEvents, readHead } from '@morningai/log/read';
import { verifyLog, type Anchor } from '@morningai/log/verify';
import { readApi } from '@morningai/cli/connect';
import { ticketPrefix } from '@morningai/queue/queue-names';
import { readTickets } from '@morningai/queue/read-tickets';
import { eventually } from '@morningai/testbed/eventually';
import { z } from 'zod';
import type { DrillStack } from '../drill-stack.ts';
import type { Operation } from '../history/operations.ts';
import type { Evidence, Excuse, LogFact } from '../invariants/evidence.ts';
import { openTaskIds } from '../read-log.ts';
import { readFeed } from './read-feed.ts';
import { readUsage } from './read-usage.ts';

export type GatherParts = {
  readonly stack: DrillStack;
  readonly prefix: string;
  /** Where the schedule began. */
  readonly from: number;
  readonly anchor: Anchor;
  readonly earlier: readonly LogFact[];
  readonly operations: readonly Operation[];
  readonly healedAtMs: number;
  readonly excuses: readonly Excuse[];
  readonly lostMs: number;
  readonly signal: AbortSignal;
};

const PAGE = 5_000;
const FEED_MS = 15_000;
/** One whose taker never heard of it comes again after its lock (10 s) and two looks. */
const TICKETS_MS = 25_000;
const EVERY_MS = 100;

export async function gatherEvidence(parts: GatherParts): Promise<Evidence> {
  const { stack, prefix, from, anchor, earlier, operations, healedAtMs, excuses, lostMs, signal } = parts;
  const open = await whyOpen(stack, prefix);
  const tickets = await settledTickets(stack, signal);
  // Nothing is written any more, unless an epoch begins: what is read last is what all is held against.
  const verified = await verifyLog(stack.pool, { anchor, signal });
  const events = await readFacts(stack, from, verified.head);
  const feed = await settledFeed(stack, from, verified.head, signal);
  return {
    prefix,
    alone: stack.isOwn,
    operations,
    from,
    events,
    earlier,
    healedAtMs,
    excuses,
    lostMs,
    open,
    tickets,
    feed: feed.filter(({ position }) => position <= verified.head),
    verify: { head: verified.head, problems: verified.problems },
    usage: await readUsage(stack),
  };
}

/** Behind `after`, up to `head`. */
export async function readFacts(
  { pool }: Pick<DrillStack, 'pool'>,
  after: number,
  head: number,
): Promise<readonly LogFact[]> {
  const facts: LogFact[] = [];
  for (let position = after; position < head;) {
    const page = await readEvents(pool, position, PAGE);
    for (const { dataText, recordedAt, ...event } of page) {
      const data = JSON.parse(dataText) as LogFact['data'];
      if (event.position <= head) facts.push({ ...event, data, recordedAtMs: recordedAt.getTime() });
    }
    const last = page.at(-1);
    if (last === undefined) break;
    position = last.position;
  }
  return facts;
}

const why = z.looseObject({ reason: z.string() });

async function whyOpen({ pool, urls }: DrillStack, prefix: string): Promise<ReadonlyMap<string, string>> {
  const ids = await openTaskIds(pool, prefix);
  const reasons = ids.map(async (id) => {
    const { reason } = why.parse(await readApi(urls, `/v1/tasks/${id}/why`));
    return [id, reason] as const;
  });
  return new Map(await Promise.all(reasons));
}

/** Waits until they name open tasks only; null: Redis could not be asked. */
async function settledTickets({ pool, urls }: DrillStack, signal: AbortSignal): Promise<readonly string[] | null> {
  const { incarnation } = await readHead(pool);
  let found: readonly string[] | null = null;
  const isSettled = async () => {
    found = (await Array.fromAsync(readTickets(urls.redisUrl, ticketPrefix(incarnation), signal))).flat();
    const { finished } = await knownTasks(pool, [...new Set(found)]);
    if (finished > 0) throw new Error(`${finished} tickets name finished tasks`);
  };
  await eventually(isSettled, { deadlineMs: TICKETS_MS, everyMs: EVERY_MS, signal }).catch(() =>
    signal.throwIfAborted(),
  );
  return found;
}

async function settledFeed({ urls }: DrillStack, from: number, head: number, signal: AbortSignal) {
  const isWhole = async () => {
    const feed = await readFeed(urls.natsUrl, from);
    if (feed.at(-1)?.position !== head && head > from)
      throw new Error(`the feed is at ${feed.at(-1)?.position ?? 0}, not ${head}`);
    return feed;
  };
  return eventually(isWhole, { deadlineMs: FEED_MS, everyMs: EVERY_MS, signal }).catch(() => {
    signal.throwIfAborted();
    return readFeed(urls.natsUrl, from);
  });
}
